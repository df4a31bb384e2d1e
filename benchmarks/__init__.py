"""Benchmarks against the same work written by hand and against other libraries.

python -m benchmarks run        measure; write the table, the chart and the figures
python -m benchmarks compare    compare two runs
python -m benchmarks page       write the table and the chart of a run into the documentation
python -m benchmarks guard      count the instructions of the hot paths, against a baseline

`pytest` collects nothing here; tests/test_benchmarks.py tests the machinery.
"""

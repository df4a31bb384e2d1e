"""How fast the package is, beside the same work by hand and beside its peers.

python -m benchmarks run        measure everything; write the table, the chart and the figures
python -m benchmarks compare    set two such runs against each other
python -m benchmarks page       put the table and the chart of a run into the documentation
python -m benchmarks guard      count what the hot paths execute, against a baseline

`pytest` collects nothing here.
"""

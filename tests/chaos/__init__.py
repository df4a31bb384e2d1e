"""Processes that are killed and frozen where it hurts most, and what has to hold all the same.

`python -m tests.chaos --seed N` runs it at length, as `nox -s chaos` does.
"""

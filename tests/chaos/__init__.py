"""Kills and freezes processes at the worst moments, and checks that the promises hold.

`python -m tests.chaos --seed N`, or `nox -s chaos`, runs it at length.
"""

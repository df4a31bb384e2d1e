"""Engines and concurrency for the tests, under the same names in both modules."""

"""Adapters that connect the bus to an engine, one folder for each."""

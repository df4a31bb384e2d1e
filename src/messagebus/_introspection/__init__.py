"""Reads callables: their parameters, annotations and type arguments."""

"""Introspection: parameters of callables, annotations, type arguments."""

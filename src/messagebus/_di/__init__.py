"""Dependency injection: reads what callables declare, and calls them with it."""

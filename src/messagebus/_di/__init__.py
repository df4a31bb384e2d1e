"""Dependency injection: reads the dependencies that callables declare and fills them in."""

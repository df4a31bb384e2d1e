"""Checked by mypy, never run: what an editor knows, and what a type checker refuses."""

"""Counts the instructions of the hot paths, and compares them with a baseline. No clock."""

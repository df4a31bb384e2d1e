"""Scenarios: what a bus does with a message, given what has happened before."""

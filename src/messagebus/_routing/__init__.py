"""Decides which listeners hear a message."""

"""Pairs of hand-written modules for what the twin generator cannot convert."""

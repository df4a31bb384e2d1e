"""Mirrored modules for the code that tokens cannot convert, one for each colour."""

"""This package and the work by hand."""

"""Workloads that run this package or do the same work by hand."""

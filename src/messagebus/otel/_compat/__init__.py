"""Differences between the colours of telemetry."""

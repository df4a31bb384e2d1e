"""The middleware of telemetry."""

"""What differs between the colours of telemetry."""

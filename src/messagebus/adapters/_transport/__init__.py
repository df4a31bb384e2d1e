"""Shared by all transports to a broker: bundles, reconnecting, and options in a URL."""

"""What all transports to a broker share: batches, reconnecting, and the parts of a URL."""

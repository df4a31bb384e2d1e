"""Messages outside the process: the wire format and the serializers that produce it."""

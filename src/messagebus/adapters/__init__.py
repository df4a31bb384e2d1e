"""What connects the bus to an engine; each folder needs an optional extra."""

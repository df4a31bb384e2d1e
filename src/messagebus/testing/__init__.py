"""What shows that an adapter keeps its contract: rules that run against the real thing."""

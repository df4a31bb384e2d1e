"""Rules that show, against the real thing, that an adapter keeps its contract."""

"""The facade, for code that runs in an event loop."""

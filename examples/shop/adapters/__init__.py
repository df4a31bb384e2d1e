"""Where the shop keeps things, and where it sends its messages."""

"""The source of the sync twin: `tools/unasync_gen.py` converts it."""

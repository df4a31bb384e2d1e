"""One of two twins: `tools/unasync_gen.py` generates the sync one."""

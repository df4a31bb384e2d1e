"""What the hot paths execute, counted and compared with a baseline: a guard without a clock."""

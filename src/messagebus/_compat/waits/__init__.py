"""Waits, wake-ups and concurrent calls, for both colours."""

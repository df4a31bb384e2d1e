"""The source of the adapter, of which the sync twin is made."""

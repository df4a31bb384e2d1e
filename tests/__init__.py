"""The tests: `_async` is the source of `_sync`, the others have no colour."""

"""The components of the facade, in one colour."""

"""The components of the facade, in one flavour."""

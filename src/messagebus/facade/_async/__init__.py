"""The components of the facade, in one of their two colours."""

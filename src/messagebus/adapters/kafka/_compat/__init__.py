"""A hand-written pair of modules with the same names, for what the generator cannot convert."""

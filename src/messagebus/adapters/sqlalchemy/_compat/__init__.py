"""What the generator of the twin can not convert, under the same names in both modules."""

"""What tests need to run things beside each other, under the same names in both modules."""

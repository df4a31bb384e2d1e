"""What differs between the two colours and can not be converted: pairs of modules."""

"""What differs between the two colours and can not be converted: a pair of modules."""

"""The facade: producers, consumers, publishers, subscribers and services, without a transaction."""

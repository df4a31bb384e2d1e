"""Producers, consumers, publishers, subscribers and services: messages without a transaction."""

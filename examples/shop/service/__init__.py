"""What happens on each message, and what is needed for that."""

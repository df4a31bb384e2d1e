"""What the shop is about: its messages, its models and its rules."""

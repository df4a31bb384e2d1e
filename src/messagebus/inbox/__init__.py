"""The inbox: messages that come from a broker, each applied once."""

"""The part of a scenario that differs by colour: when a message is handled."""

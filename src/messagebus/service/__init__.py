"""The parts that run a transaction: the bus, the unit of work, repositories and the eventstream."""

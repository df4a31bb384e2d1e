"""The parts of the inbox that wait for I/O, in their asynchronous colour."""

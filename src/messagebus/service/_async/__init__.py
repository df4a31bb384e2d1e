"""The parts of the service layer that wait for I/O, in their asynchronous colour."""

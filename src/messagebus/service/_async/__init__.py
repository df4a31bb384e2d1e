"""The parts of the service layer that wait, in their asynchronous colour."""

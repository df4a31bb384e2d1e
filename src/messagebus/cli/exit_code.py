"""What a command says with its exit status."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit statuses; a supervisor need not restart what ends with 0, 2 or 3."""

    OK = 0
    """Everything was done; a relay was told to stop, and has sent what it held."""
    FAILED = 1
    """Something unexpected happened."""
    USAGE = 2
    """The arguments, the configuration or the tables are not as they have to be."""
    POISON = 3
    """A message can not be sent, and the relay was told to stop at such."""
    BROKER = 4
    """The broker can not be reached, or the relay that leads sends nothing."""
    DATABASE = 5
    """The database can not be reached, or refuses what it is asked."""
    UNHEALTHY = 6
    """The outbox is not as well as was asked for."""
    NOT_FOUND = 7
    """There is no such message, or none that this can be done to."""
    INTERRUPTED = 130
    """A relay was told to stop a second time, and did not wait for what it held."""

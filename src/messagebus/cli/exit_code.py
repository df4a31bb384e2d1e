"""The exit statuses of the commands."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit statuses; after 0, 2 and 3 a supervisor need not restart the relay."""

    OK = 0
    """Done; or a relay was told to stop and has sent its batch."""
    FAILED = 1
    """An unexpected error."""
    USAGE = 2
    """The arguments or the configuration are wrong, or the tables are missing."""
    POISON = 3
    """A message cannot be sent, and the relay was told to stop at such messages."""
    BROKER = 4
    """The broker cannot be reached, or the relay that leads sends nothing."""
    DATABASE = 5
    """The database cannot be reached, or refuses a statement."""
    UNHEALTHY = 6
    """The outbox exceeds a limit."""
    NOT_FOUND = 7
    """There is no such message, or none to which the command applies."""
    INTERRUPTED = 130
    """A relay was told to stop a second time, and did not finish its batch."""

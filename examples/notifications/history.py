"""What the consumer does on each event of the bus, in the transaction of the command.

Its handlers know neither the bus nor the unit of work. They share the connection with it, so what
they write is committed with the rest, and if one fails nothing is.
"""

from __future__ import annotations

import sqlite3

from messagebus import Depends

from .components import consumer
from .dependencies import Settings, get_cursor, get_settings
from .errors import ReservedNameError
from .messages import UserEvent, UserRegistered, UserRenamed


@consumer.handler
def remember(event: UserEvent, cursor: sqlite3.Cursor = Depends(get_cursor)) -> None:
    """Write down what has happened to a user."""
    row = (event.metadata.name, event.user_id, event.name)
    cursor.execute("INSERT INTO history (event, user_id, name) VALUES (?, ?, ?)", row)


@consumer.handler
def refuse_reserved_names(
    event: UserRegistered | UserRenamed, settings: Settings = Depends(get_settings)
) -> None:
    """Refuse names that nobody may have.

    Raises:
        ReservedNameError: the user has such a name.
    """
    if event.name.lower() in settings.reserved_names:
        raise ReservedNameError(event.name)

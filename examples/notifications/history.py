"""The handlers of the consumer, called in the transaction of the command.

They know neither the bus nor the unit of work, but they share its connection: their writes are
committed with the rest, and a failure rolls everything back.
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
    """Write an event to the history."""
    row = (event.metadata.name, event.user_id, event.name)
    cursor.execute("INSERT INTO history (event, user_id, name) VALUES (?, ?, ?)", row)


@consumer.handler
def refuse_reserved_names(
    event: UserRegistered | UserRenamed, settings: Settings = Depends(get_settings)
) -> None:
    """Refuse reserved names.

    Raises:
        ReservedNameError: the name is reserved.
    """
    if event.name.lower() in settings.reserved_names:
        raise ReservedNameError(event.name)

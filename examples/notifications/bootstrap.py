"""The wiring of the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from messagebus import Service

from .components import bus, consumer, provider, publisher, service, subscriber
from .dependencies import Mailer, get_board, get_connection, get_mailer
from .messages import Notification
from .unit_of_work import SCHEMA

PACKAGE = "examples.notifications"


@contextmanager
def running(
    mailer: Mailer, board: list[Notification], database: str = ":memory:"
) -> Iterator[Service]:
    """Yield the service, on a new database.

    Args:
        mailer: sends letters.
        board: receives the notifications for the staff.
        database: path of a file; in memory by default.
    """
    bus.scan(PACKAGE)  # imports all modules, so the handlers of the facade register, too
    bus.include(consumer)
    publisher.register(subscriber)
    bus.check(PACKAGE)
    with ExitStack() as stack:
        connection = stack.enter_context(closing(sqlite3.connect(database)))
        connection.executescript(SCHEMA)
        stack.enter_context(provider.override(get_connection, lambda: connection))
        stack.enter_context(provider.override(get_mailer, lambda: mailer))
        stack.enter_context(provider.override(get_board, lambda: board))
        yield service

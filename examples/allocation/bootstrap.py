"""The wiring: engine, bus, and a unit of work for each transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from messagebus import Command, Retry, SyncMessageBus
from messagebus.adapters.sqlalchemy import prepare_sqlite

from .notifications import Notifications
from .tables import metadata, outbox
from .unit_of_work import Products, UnitOfWork


class Service:
    """The service in its database.

    Args:
        database: SQLAlchemy URL of the database.
        notifications: makes, for each transaction, what its handlers notify with.

    Attributes:
        engine: the engine of the database.
        unit_of_work: makes a unit of work.
        bus: the bus with all handlers.
    """

    def __init__(self, database: str, notifications: Callable[[], Notifications]) -> None:
        self.engine: Engine = prepare_sqlite(sa.create_engine(database), busy_timeout=30.0)
        self.unit_of_work = partial(UnitOfWork, self.engine, tables=outbox)
        self.bus: SyncMessageBus[Products] = SyncMessageBus(notifications=notifications)
        self.bus.scan("examples.allocation.handlers", "examples.allocation.read_model")
        self.bus.check("examples.allocation")

    def create_tables(self) -> None:
        """Create the tables that do not exist."""
        metadata.create_all(self.engine)

    def execute(self, command: Command) -> Any:
        """Handle a command in a transaction, again if another one was in the way."""
        return self.bus.execute(command, self.unit_of_work, retry=Retry(attempts=5))

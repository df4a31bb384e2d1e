"""The wiring of the service: what ``messagebus consume examples.shipping.app:app`` runs."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from messagebus import SyncMessageBus
from messagebus.adapters.sqlalchemy import prepare_sqlite

from .tables import inbox, metadata
from .unit_of_work import UnitOfWork

DATABASE = "sqlite:///shipping.sqlite"
"""The database, unless SHIPPING_DATABASE names another one."""


class App:
    """The service in its database."""

    def __init__(self, database: str) -> None:
        self.engine: Engine = prepare_sqlite(sa.create_engine(database), busy_timeout=30.0)
        metadata.create_all(self.engine)
        self.unit_of_work = partial(UnitOfWork, self.engine, tables=inbox)
        self.bus: SyncMessageBus[Any] = SyncMessageBus()
        self.bus.scan("examples.shipping.handlers")


app = App(os.environ.get("SHIPPING_DATABASE", DATABASE))
"""The service, as the command line finds it."""

"""The domain of the writers: a ledger with an event for each entry."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from messagebus import Command, Event, Metadata, Model, SyncAbstractRepository, SyncMessageBus
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork
from tests.running.blocking import SyncEngine, SyncSession

LARGEST_TRANSACTION = 4

metadata = sa.MetaData()
entries = sa.Table(
    "entries",
    metadata,
    sa.Column("writer", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
)
"""The committed entries, with which the sent messages are compared."""

Key = tuple[int, int, int]
"""The writer, the number of its transaction, and the part of the transaction."""


class Write(Command):
    """Writes all parts of a transaction."""

    writer: int
    number: int
    doomed: bool = False
    metadata: Metadata = Metadata(name="write", schema_version=1)


class Written(Event):
    """A part of a transaction was written."""

    writer: int
    number: int
    part: int
    doomed: bool
    metadata: Metadata = Metadata(name="written", schema_version=1, published=True)
    ordering_key = "writer"


class Entry(Model):
    """A part of a transaction."""


class Entries(SyncAbstractRepository[Entry]):
    """The ledger."""

    def __init__(self, session: SyncSession) -> None:
        super().__init__()
        self._session = session

    def add(self, entry: Entry) -> None:
        """Add an entry as a seen model."""
        self.seen.append(entry)

    def enter(self, writer: int, number: int, part: int) -> None:
        """Write an entry."""
        self._session.execute(
            sa.insert(entries).values(writer=writer, number=number, part=part),
        )


class Ledger(SyncSQLAlchemyUnitOfWork[Entries]):
    """The unit of work of the writers."""

    entries: Entries

    def attach(self, session: SyncSession) -> None:
        """Create the repository."""
        self.entries = Entries(session)


def parts_of(number: int) -> int:
    """Return the number of parts of a transaction."""
    return number % LARGEST_TRANSACTION + 1


def write(command: Write, uow: Ledger) -> None:
    """Write all parts, and raise an event for each."""
    for part in range(parts_of(command.number)):
        entry = Entry()
        entry.messages.append(
            Written(writer=command.writer, number=command.number, part=part, doomed=command.doomed)
        )
        uow.entries.enter(command.writer, command.number, part)
        uow.entries.add(entry)


def new_bus() -> SyncMessageBus[Any]:
    """Return the bus of the writers."""
    bus = SyncMessageBus[Any]()
    bus.add_listener(Write, write)
    return bus


def next_number(engine: SyncEngine, writer: int) -> int:
    """Return the number of the next transaction of a writer."""
    query = sa.select(sa.func.max(entries.c.number)).where(entries.c.writer == writer)
    with engine.connect() as connection:
        last = connection.scalar(query)
    return 0 if last is None else last + 1


def committed(engine: SyncEngine) -> list[Key]:
    """Return the committed entries, in order for each writer."""
    with engine.connect() as connection:
        query = sa.select(entries).order_by(*entries.primary_key.columns)
        return [(row.writer, row.number, row.part) for row in connection.execute(query)]

"""The replay of stored messages, to rebuild a read model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ...._ranges import LARGEST_BATCH, ensure_whole
from ....domain.model import GenericEvent
from ....exceptions import ReplayError
from ....serialization.deserializer import AbstractMessageDeserializer, MessageDeserializer
from ....service._async.registry import AsyncMessageBus
from ....service.causation import Received
from .._compat.aio import AsyncEngine, AsyncSession, call
from .._rows import StoredMessage
from ..replay_progress import ReplayProgress
from ..tables import OutboxTables, default_tables, ensure_once, schema_of
from .history import AsyncMessageHistory
from .unit_of_work import AsyncSQLAlchemyTransaction, AsyncSQLAlchemyUnitOfWork


class AsyncReplay:
    """Runs stored messages through the listeners of a bus once more, to rebuild a read model.

    The messages are neither stored nor published again. Each batch is one transaction of the unit
    of work, which also stores how far the replay has come. So a replay that stops or dies at any
    moment goes on behind its last commit, and applies nothing twice.

    Args:
        engine: connects to the database with the stored messages.
        bus: has the listeners that write the read model, and no others.
        uow: the unit of work of the read model. Its database has the tables, too.
        name: the name under which the position is stored.
        names: the names of the messages to replay; by default those of the events that the bus
            listens to. Commands are replayed only if they are named.
        deserializer: creates the messages; by default of the types that the bus listens to.
        tables: the tables.
        batch_size: how many messages share a transaction.
        dependencies: the dependencies that listeners ask for by name.

    Raises:
        ConfigurationError: the batch size is out of range, or two types that the bus listens to
            have one name and version.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        bus: AsyncMessageBus[Any],
        uow: AsyncSQLAlchemyUnitOfWork[Any],
        name: str,
        *,
        names: Collection[str] | None = None,
        deserializer: AbstractMessageDeserializer | None = None,
        tables: OutboxTables = default_tables,
        batch_size: int = 500,
        dependencies: Mapping[str, Any] | None = None,
    ) -> None:
        ensure_whole("batch_size", batch_size, most=LARGEST_BATCH)
        types = bus.message_types()
        self.name = name
        self._names = names
        if names is None:
            self._names = {key[0] for key, kind in types.items() if issubclass(kind, GenericEvent)}
        self._engine = engine
        self._bus = bus
        self._uow = uow
        self._deserializer = deserializer or MessageDeserializer(types)
        self._tables = tables
        self._batch_size = batch_size
        self._dependencies = dependencies or {}
        self._history = AsyncMessageHistory(engine, tables=tables, page_size=batch_size)

    async def run(
        self, *, after: int = 0, since: datetime | None = None
    ) -> AsyncGenerator[ReplayProgress]:
        """Replay what is stored by now, and yield the progress after each commit.

        To stop, leave the loop. Another run goes on behind the last commit; a run after one that
        has come to its end replays what was stored meanwhile.

        Args:
            after: the position after which the first run begins.
            since: the earliest creation time; by default there is no limit.

        Raises:
            ReplayError: another process runs the same replay, or a replayed message has raised
                others. The batch is rolled back.
            UnknownMessageTypeError: a message has a version that cannot be read.
            UnreadableMessageError: a message cannot be read.
        """
        position = await self._begin(after)
        until = max(position, await self._last_position())
        applied = 0
        batch: list[StoredMessage] = []
        records = self._history.records(after=position, until=until, names=self._names, since=since)
        async for record in records:
            batch.append(record)
            if len(batch) == self._batch_size:
                await self._apply(batch, position, record.position)
                position = record.position
                applied += len(batch)
                batch = []
                yield ReplayProgress(position, until, applied)
        await self._apply(batch, position, until)
        yield ReplayProgress(until, until, applied + len(batch))

    async def forget(self, transaction: AsyncSQLAlchemyTransaction[Any, Any]) -> None:
        """Forget how far the replay has come, in the transaction that empties the read model."""
        column = self._tables.replays.c
        await transaction.session.execute(
            sa.delete(self._tables.replays).where(column.name == self.name)
        )

    async def _begin(self, after: int) -> int:
        """Return where to go on; store *after* if that is where the first run begins."""
        replays = self._tables.replays
        async with self._uow as transaction:
            session: AsyncSession = transaction.session
            await call(session, _ensure_tables, self._tables)
            position: int | None = await session.scalar(
                sa.select(replays.c.position).where(replays.c.name == self.name)
            )
            if position is None:
                position = after
                await session.execute(sa.insert(replays).values(name=self.name, position=after))
            await transaction.commit()
        return position

    async def _last_position(self) -> int:
        """Return the last position before which no transaction can store anything any more."""
        messages = self._tables.messages
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # A transaction that commits late may have a position that is passed already.
                # The lock waits for those that have written, and no position is given meanwhile.
                await call(connection, _lock, messages)
            last: int | None = await connection.scalar(sa.select(sa.func.max(messages.c.position)))
        return last or 0

    async def _apply(self, batch: list[StoredMessage], before: int, position: int) -> None:
        """Apply a batch in one transaction, together with the position that is reached."""
        replays = self._tables.replays
        async with self._uow as transaction:
            # First: another process waits here, and then finds that the position has moved.
            moved: Any = await transaction.session.execute(
                sa.update(replays)
                .where(replays.c.name == self.name, replays.c.position == before)
                .values(position=position)
            )
            if moved.rowcount != 1:
                reason = f"its position is no longer {before}"
                advice = "Another process runs it, or has made it begin anew."
                raise ReplayError(self.name, reason, advice=advice)
            for record in batch:
                message = record.to_message(self._deserializer)
                transaction.received = Received(message, record.correlation_id)
                try:
                    await self._bus.handle(message, transaction, **self._dependencies)
                except Exception as error:
                    error.add_note(f"It is replayed from position {record.position}.")
                    raise
                if raised := self._uow.eventstore.rows:
                    reason = f"{message!r} has raised {raised[0]['name']!r}, which would be stored"
                    advice = "Give it a bus with the listeners of the read model and no others."
                    raise ReplayError(self.name, reason, advice=advice)
            await transaction.commit()


def _ensure_tables(session: Any, tables: OutboxTables) -> None:
    ensure_once(session.connection(), tables)


def _lock(connection: sa.Connection, messages: sa.Table) -> None:
    schema = schema_of(messages, connection.get_execution_options())
    moved = messages.to_metadata(sa.MetaData(), schema=schema)  # type: ignore[arg-type]
    table = connection.dialect.identifier_preparer.format_table(moved)
    connection.exec_driver_sql(f"LOCK TABLE {table} IN SHARE MODE")

"""The inspection, repair and replay of dead letters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ...._ranges import LARGEST_BATCH, ensure_whole
from ....exceptions import ConfigurationError, UnreadableMessageError
from ....serialization.deserializer import AbstractMessageDeserializer, MessageDeserializer
from ....serialization.envelope import Envelope
from ....service._async.registry import AsyncMessageBus
from ....service.causation import Received
from .._compat.aio import AsyncEngine, call
from .._dead_letters import (
    EVERY_LETTER,
    DeadLetterFilter,
    Replayed,
    StoredDeadLetter,
    chosen,
    edited,
    failed_again,
    take,
)
from .._inbox import may_pass, with_inbox
from .._selection import Selected, page
from ..engine import READ_ONLY
from ..tables import OutboxTables, default_tables
from .unit_of_work import AsyncSQLAlchemyUnitOfWork

_TRIALS = 3


class AsyncDeadLetters:
    """Show the messages that consumers could not handle, and decide on them.

    Args:
        engine: connects to the database.
        tables: the tables of the inbox.
    """

    def __init__(self, engine: AsyncEngine, *, tables: OutboxTables = default_tables) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**READ_ONLY)
        self._tables = tables
        self._letters = tables.dead_letters

    async def list(
        self,
        *,
        matching: DeadLetterFilter = EVERY_LETTER,
        after: int = 0,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[StoredDeadLetter]:
        """List dead letters in the order of their positions.

        Args:
            matching: which of them.
            after: the position after which the list begins.
            before: the position before which the list ends; the newest letters then come first.
            limit: the most letters to list.

        Raises:
            ConfigurationError: a number is negative, or too large for the database.
        """
        query = page(self._letters, matching.condition(self._letters), after, before, limit)
        async with self._reading.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [StoredDeadLetter.from_row(row) for row in rows]

    async def select(self, *, matching: DeadLetterFilter = EVERY_LETTER) -> Selected:
        """Count dead letters, for example before all of them are changed.

        Args:
            matching: which of them.

        Returns:
            Their number, and when the first and the last of them was buried.
        """
        time = self._letters.c.buried_at
        query = Selected.query(time, matching.condition(self._letters))
        async with self._reading.connect() as connection:
            return Selected.from_row((await connection.execute(query)).one())

    async def get(self, position: int) -> StoredDeadLetter | None:
        """Return a dead letter; None if there is none at this position."""
        query = sa.select(self._letters).where(self._letters.c.position == position)
        async with self._reading.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else StoredDeadLetter.from_row(row)

    async def edit(
        self,
        position: int,
        *,
        payload: str | None = None,
        type: str | None = None,  # noqa: A002 - the name on the wire
    ) -> StoredDeadLetter | None:
        """Change what is replayed of a dead letter; the original bytes stay.

        Args:
            position: its position.
            payload: the new payload; None to keep it.
            type: the new name and version, such as ``book_lent_v2``; None to keep them.

        Returns:
            The letter as it is now; None if there is none at this position.

        Raises:
            ConfigurationError: the type has no version; or the message could not be read, and
                not both are given.
        """
        this = self._letters.c.position == position
        async with self._engine.begin() as connection:
            found = sa.select(self._letters).where(this).with_for_update()
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                return None
            values = edited(StoredDeadLetter.from_row(row), payload, type)
            await connection.execute(sa.update(self._letters).where(this).values(values))
            row = (await connection.execute(found)).one()
        return StoredDeadLetter.from_row(row)

    async def discard(
        self,
        positions: Collection[int] | None = None,
        *,
        matching: DeadLetterFilter | None = None,
    ) -> int:
        """Delete dead letters, whose messages are then never handled.

        Args:
            positions: the letters.
            matching: which of them; without *positions*, which of all.

        Returns:
            How many were deleted.

        Raises:
            ConfigurationError: neither is given.
        """
        delete = sa.delete(self._letters).where(chosen(self._letters, positions, matching))
        async with self._engine.begin() as connection:
            return (await connection.execute(delete)).rowcount

    async def replay(
        self,
        bus: AsyncMessageBus[Any],
        unit_of_work: Callable[[], AsyncSQLAlchemyUnitOfWork[Any]],
        positions: Collection[int] | None = None,
        *,
        matching: DeadLetterFilter | None = None,
        limit: int = 1_000,
        deserializer: AbstractMessageDeserializer | None = None,
        dependencies: Mapping[str, Any] | None = None,
    ) -> Replayed:
        """Handle dead letters again, in the order of their positions.

        Each is handled in a transaction of its own that also deletes the letter: its effect is
        there once, whoever else replays it. What fails again stays, with its new error and one
        attempt more, and those with the same ordering key that follow it are passed over. What one
        listener could not handle is handled by that listener alone.

        Args:
            bus: handles the messages.
            unit_of_work: creates the unit of work for each message, in the same database.
            positions: the letters.
            matching: which of them; without *positions*, which of all.
            limit: the most letters to replay, at most 30,000.
            deserializer: reads the messages; by default one for the classes that *bus* knows.
            dependencies: what listeners ask for by name, as for *handle*.

        Returns:
            What became of each.

        Raises:
            ConfigurationError: neither positions nor a filter are given; or the unit of work is
                none of SQLAlchemy, or of another database.
            sqlalchemy.exc.SQLAlchemyError: the database is away or busy. The letters that were
                handled before are done, the others stay as they were.
        """
        ensure_whole("limit", limit, most=LARGEST_BATCH)
        column = self._letters.c
        which = chosen(self._letters, positions, matching)
        query = sa.select(column.position, column.consumer, column.ordering_key)
        async with self._reading.connect() as connection:
            rows = (
                await connection.execute(query.where(which).order_by(column.position).limit(limit))
            ).all()
        read = deserializer or MessageDeserializer(bus.message_types())
        replayed = Replayed()
        given = dependencies or {}

        async def handle(letter: StoredDeadLetter, transaction: Any) -> None:
            message, correlation_id = _read(letter, read)
            transaction.received = Received(message, correlation_id, letter.listener)
            await bus.handle(message, transaction, **given)

        blocked: set[tuple[str, str]] = set()
        for position, consumer, key in rows:
            if key is not None and (consumer, key) in blocked:
                replayed.passed_over.append(position)
                continue
            await self._replay_one(handle, unit_of_work, position, replayed)
            if position in replayed.failed and key is not None:
                blocked.add((consumer, key))
        return replayed

    async def _replay_one(
        self,
        handle: Callable[[StoredDeadLetter, Any], Any],
        unit_of_work: Callable[[], AsyncSQLAlchemyUnitOfWork[Any]],
        position: int,
        replayed: Replayed,
    ) -> None:
        for trial in range(1, _TRIALS + 1):
            letter: StoredDeadLetter | None = None
            try:
                async with unit_of_work() as transaction:
                    letter = await self._take(transaction.uow, position)
                    if letter is None:
                        await transaction.rollback()
                        replayed.gone.append(position)
                        return
                    await handle(letter, transaction)
                    await transaction.commit()
            except Exception as error:
                passes = may_pass(error)
                if passes and trial < _TRIALS:
                    continue  # another transaction was in the way, as a rule
                if passes or letter is None:
                    raise
                async with self._engine.begin() as connection:
                    stays = await call(connection, failed_again, self._tables, letter, error)
                if not stays:
                    error.add_note(f"The dead letter {position} was handled: its commit stands.")
                    raise
                replayed.failed[position] = error
            else:
                replayed.handled.append(position)
            return

    async def _take(self, unit_of_work: Any, position: int) -> StoredDeadLetter | None:
        if not isinstance(unit_of_work, AsyncSQLAlchemyUnitOfWork):
            kind = type(unit_of_work).__qualname__
            text = f"Dead letters are replayed in a unit of work of SQLAlchemy, which {kind} is not"
            raise ConfigurationError(text)
        session = unit_of_work.session
        letter = await call(session, with_inbox, self._tables, take, position)
        if letter is None and await self.get(position) is not None:
            kind = type(unit_of_work).__qualname__
            text = f"{kind} does not find the dead letter {position}, which {self._engine!r} has"
            advice = "Give both the same database and the same tables."
            raise ConfigurationError(text, advice=advice)
        return letter


def _read(letter: StoredDeadLetter, deserializer: AbstractMessageDeserializer) -> Any:
    """Return the message of a letter, and the first message of its cascade."""
    if letter.message is None:
        reason = "its body could not be read"
        advice = "Edit its type and its payload, or discard it."
        raise UnreadableMessageError(letter.body, reason, letter.message_id, advice=advice)
    message = deserializer.deserialize_message(letter.message)
    return message, Envelope.of(letter.message).correlation_id

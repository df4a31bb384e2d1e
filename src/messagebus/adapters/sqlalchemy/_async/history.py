"""Reading handled messages back from the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ...._ranges import ensure_whole
from ....domain.model import Message
from ....serialization.deserializer import AbstractMessageDeserializer, MessageDeserializer
from ....serialization.types import TypesOrMapping
from .._compat.aio import AsyncEngine
from .._rows import StoredMessage
from .._selection import MessageFilter
from ..engine import READ_ONLY
from ..message_tree import MessageTree, arrange, columns_of
from ..tables import OutboxTables, default_tables


class AsyncMessageHistory:
    """Stream the messages of committed transactions in the order of their positions.

    One page is read at a time, and nothing is held between two pages: a reader may take as long
    as it likes. A transaction that commits in the meantime may have positions that the reader has
    passed already. To follow new messages, use the relay.

    Args:
        engine: connects to the database.
        tables: the tables with the messages.
        page_size: the most messages in memory at once.
    """

    def __init__(
        self, engine: AsyncEngine, *, tables: OutboxTables = default_tables, page_size: int = 500
    ) -> None:
        self._engine = engine.execution_options(**READ_ONLY)
        self._messages = tables.messages
        self.page_size = page_size

    async def records(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        names: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> AsyncGenerator[StoredMessage]:
        """Stream records.

        Args:
            after: the position after which to begin.
            until: the last position; by default there is no limit.
            names: the names to select; by default all.
            since: the earliest creation time; by default there is no limit.

        Raises:
            ConfigurationError: *since* has no time zone.
        """
        column = self._messages.c
        query = sa.select(self._messages).order_by(column.position).limit(self.page_size)
        if until is not None:
            query = query.where(column.position <= until)
        if names is not None:
            query = query.where(column.name.in_(names))
        if since is not None:
            query = query.where(MessageFilter(since=since).condition(self._messages, None))
        while True:
            async with self._engine.connect() as connection:
                page = (await connection.execute(query.where(column.position > after))).all()
            for row in page:
                yield StoredMessage.from_row(row)
            if len(page) < self.page_size:
                return
            after = page[-1].position

    async def messages(
        self,
        types: AbstractMessageDeserializer | TypesOrMapping,
        *,
        after: int = 0,
        until: int | None = None,
        since: datetime | None = None,
    ) -> AsyncGenerator[Message[Any]]:
        """Stream messages as objects of their classes; messages of other names are left out.

        They have the metadata that they were stored with; those that were upcast have the
        metadata of their class.

        Args:
            types: the classes, found by the names and versions in the defaults of their metadata,
                or a mapping from name and version to the class; or a deserializer, for upcasters
                and for payloads of a serializer of the application. One that is no
                *MessageDeserializer* is given the messages of all names.
            after: the position after which to begin.
            until: the last position; by default there is no limit.
            since: the earliest creation time; by default there is no limit.

        Raises:
            UnknownMessageTypeError: a message has the name of a class but another version.
            UnreadableMessageError: a class does not accept a payload, an upcaster has failed, or
                a serializer of the application wrote the payload, which only a deserializer of
                the application can read.
            ConfigurationError: the types contradict each other.
        """
        reader = types
        if not isinstance(reader, AbstractMessageDeserializer):
            reader = MessageDeserializer(reader)
        names = None
        if isinstance(reader, MessageDeserializer):
            names = {name for name, _version in reader.types}
        async for record in self.records(after=after, until=until, names=names, since=since):
            yield record.to_message(reader)

    async def tree(self, identifier: UUID, *, limit: int = 1_000) -> MessageTree:
        """Return what a message has caused, as a tree.

        No index leads from a message to what it caused: all messages that are stored after it
        are looked at.

        Args:
            identifier: a message, or the first message of a cascade even if it is not stored:
                then the tree has several tops, which are the messages whose cause is missing.
            limit: the most messages of the cascade to read, in the order of their positions.

        Returns:
            The message and all that it caused; empty if neither is stored.

        Raises:
            ConfigurationError: the limit is not a positive number.
        """
        ensure_whole("limit", limit)
        column = self._messages.c
        first = sa.select(column.position, column.correlation_id)
        query = sa.select(*columns_of(self._messages)).order_by(column.position)
        rows: list[Any] = []
        after = -1
        async with self._engine.connect() as connection:
            by_id = first.where(column.message_id == identifier)
            row = (await connection.execute(by_id)).one_or_none()
        inner = row is not None and row.correlation_id != identifier
        if row is not None:
            # A cause is stored before its effects. Of a whole cascade, the first is its first.
            after = row.position - 1
        correlation_id = row.correlation_id if row is not None else identifier
        query = query.where(column.correlation_id == correlation_id)
        while len(rows) <= limit:
            size = min(self.page_size, limit + 1 - len(rows))
            async with self._engine.connect() as connection:
                selected = query.where(column.position > after).limit(size)
                page = (await connection.execute(selected)).all()
            rows += page
            if len(page) < size:
                break
            after = page[-1].position
        found = arrange(rows[:limit], identifier if inner else None)
        return MessageTree(found, complete=len(rows) <= limit)

"""Reading handled messages back from the store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from ....domain.model import Message
from ....serialization.types import MessageType, MessageTypes
from .._compat.aio import AsyncEngine
from .._rows import StoredMessage
from ..engine import READ_ONLY
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
    ) -> AsyncGenerator[StoredMessage]:
        """Stream records.

        Args:
            after: the position after which to begin.
            until: the last position; by default there is no limit.
            names: the names to select; by default all.
        """
        column = self._messages.c
        query = sa.select(self._messages).order_by(column.position).limit(self.page_size)
        if until is not None:
            query = query.where(column.position <= until)
        if names is not None:
            query = query.where(column.name.in_(names))
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
        types: Iterable[MessageType] | Mapping[tuple[str, int], MessageType],
        *,
        after: int = 0,
        until: int | None = None,
    ) -> AsyncGenerator[Message[Any]]:
        """Stream messages as objects of their classes; messages of other names are left out.

        Args:
            types: the classes, found by the names and versions in the defaults of their metadata,
                or a mapping from name and version to the class.
            after: the position after which to begin.
            until: the last position; by default there is no limit.

        Raises:
            UnknownMessageTypeError: a message has the name of a class but another version.
            UnreadableMessageError: a serializer of the application wrote a payload. Reading it
                needs a deserializer, which does not exist yet; *records* gives it as it is stored.
            ConfigurationError: a class has no default metadata.
            pydantic.ValidationError: a class does not accept a payload.
        """
        known = MessageTypes(types)
        names = {name for name, _version in known}
        async for record in self.records(after=after, until=until, names=names):
            yield record.to_message(known)

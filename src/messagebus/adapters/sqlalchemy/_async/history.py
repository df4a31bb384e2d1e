"""Reading back what was handled."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable
from typing import Any

import sqlalchemy as sa

from ....domain.model import Message
from .._compat.aio import AsyncEngine
from .._rows import MessageTypes, StoredMessage, message_types
from ..engine import READ_ONLY
from ..tables import OutboxTables
from ..tables import tables as default_tables


class AsyncMessageHistory:
    """Stream the messages of committed transactions in the order of their position.

    A page is read at a time, and nothing is held between two pages: a reader may take as long
    as it likes. A transaction that commits while others are read may have positions that are
    behind already: to follow what happens, use the relay.

    Args:
        engine: connects to the database.
        tables: where the messages are.
        page_size: how many messages are in memory at once.
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
            after: the position behind which to begin.
            until: the position at which to end; by default there is none.
            names: the names to look for; by default all.
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
        types: Iterable[type[Message[Any]]] | MessageTypes,
        *,
        after: int = 0,
        until: int | None = None,
    ) -> AsyncGenerator[Message[Any]]:
        """Stream messages of their classes; what has the name of none of them is left out.

        Args:
            types: the classes, which tell name and version by the default of their metadata,
                or a mapping from name and version to the class.
            after: the position behind which to begin.
            until: the position at which to end; by default there is none.

        Raises:
            UnknownMessageTypeError: a message has the name of a class in another version.
            ConfigurationError: a class does not tell its name and version.
            pydantic.ValidationError: a class does not take what is stored.
        """
        known = message_types(types)
        names = {name for name, _version in known}
        async for record in self.records(after=after, until=until, names=names):
            yield record.to_message(known)

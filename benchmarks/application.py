"""The service that applies events and tells when it has, for ``messagebus consume``."""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter
from types import SimpleNamespace
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine

from messagebus import AsyncMessageBus

from ._async.transactions import AsyncShelves
from .messages import Book, Registered
from .services import DATABASE


class TellingShelves(AsyncShelves):
    """A unit of work that prints the time after the commit of an event, in seconds."""

    async def commit(self) -> None:
        """Commit the transaction."""
        await super().commit()
        if self.books.added:  # the consumer has transactions of its own
            print(perf_counter(), flush=True)


async def store(event: Registered, uow: Any) -> None:
    """Store a book."""
    await uow.books.add(Book(id=event.id), event.title)


bus: AsyncMessageBus[Any] = AsyncMessageBus()
bus.add_listener(Registered, store)
engine = create_async_engine(os.environ[DATABASE])
app = SimpleNamespace(bus=bus, unit_of_work=partial(TellingShelves, engine))

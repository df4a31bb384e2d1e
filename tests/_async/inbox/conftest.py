"""A bus whose listeners write into the store, and consumers of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions
from messagebus.retry import Backoff
from messagebus.serialization.deserializer import MessageDeserializer
from tests._async.inbox.fakes import AsyncPile, AsyncStoreWork, Store
from tests.library import BookBorrowed, BookRegistered, ShelfCounted

NewConsumer = Callable[..., AsyncInboxConsumer]

SOON = Backoff(first=0.001, factor=1.0, jitter=0.0)


@pytest.fixture
def store() -> Store:
    """Return an empty store."""
    return Store()


@pytest.fixture
def bus() -> AsyncMessageBus[Any]:
    """Return a bus whose listeners write what they hear into the store."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def note(event: BookRegistered, uow: Any) -> None:
        uow.effects.append(event.id)

    bus.add_listener(BookRegistered, note)
    return bus


@pytest.fixture
def new_consumer(store: Store, bus: AsyncMessageBus[Any]) -> NewConsumer:
    """Return a function that creates a consumer of a source, with options."""

    def new_consumer(
        source: AsyncPile, name: str = "billing", *, has_inbox: bool = True, **options: Any
    ) -> AsyncInboxConsumer:
        return AsyncInboxConsumer(
            name,
            source,
            bus,
            partial(AsyncStoreWork, store, has_inbox=has_inbox),
            options=ConsumerOptions(**{"backoff": SOON, "reconnect": SOON, **options}),
            deserializer=MessageDeserializer([BookRegistered, BookBorrowed, ShelfCounted]),
        )

    return new_consumer

"""An application with an outbox and dead letters."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from messagebus import AsyncMessageBus, Event
from messagebus.adapters.sqlalchemy import AsyncDeadLetters, AsyncOutbox, AsyncOutboxRelay
from messagebus.inbox.dead_letter import DeadLetter
from messagebus.inbox.delivery import Delivery
from messagebus.serialization.serializer import MessageSerializer
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish
from tests.library import BookBorrowed
from tests.running.aio import AsyncEngine


class Shop:
    """An application whose handler refuses the book "refused".

    Attributes:
        bus: hears of borrowed books.
        heard: the identifiers of the books it has heard of.
        outbox: the outbox.
        letters: the dead letters.
        transport: what the relay sends to.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.heard: list[str] = []
        self.outbox = AsyncOutbox(engine)
        self.letters = AsyncDeadLetters(engine)
        self.transport = AsyncRecorder()
        self.bus = AsyncMessageBus[Any]()
        self.bus.add_listener(BookBorrowed, self._hear)
        self._engine = engine

    async def _hear(self, event: BookBorrowed, uow: AsyncShelves) -> None:
        self.heard.append(event.id)
        if event.id == "refused":
            raise ValueError(event.id)

    def unit_of_work(self) -> AsyncShelves:
        """Return a unit of work on the database."""
        return AsyncShelves(self._engine)

    async def publish(self, *ids: str) -> list[UUID]:
        """Publish borrowed books; return the identifiers of the messages."""
        return [event.message_id for event in await publish(self._engine, *ids)]

    async def park(self, *ids: str, error: str = "too large") -> list[UUID]:
        """Publish books that the broker refuses."""
        parked = await self.publish(*ids)
        broken = AsyncRecorder()
        broken.poison = {str(id): RuntimeError(error) for id in parked}
        await AsyncOutboxRelay(self._engine, broken, max_attempts=1).drain()
        return parked

    async def send(self) -> list[dict[str, Any]]:
        """Send what is pending; return all that was sent."""
        await AsyncOutboxRelay(self._engine, self.transport).drain()
        return [dict(each) for each in self.transport.sent]

    async def bury(self, *events: Event, consumer: str = "billing", **details: Any) -> list[int]:
        """Bury events; return the positions of all dead letters."""
        uow = self.unit_of_work()
        async with uow as transaction:
            for event in events:
                wire = MessageSerializer().serialize_message(event)
                delivery = Delivery(
                    details.get("wire", wire),
                    details.get("body", str(wire["payload"]).encode()),
                    details.get("headers", {}),
                    details.get("origin", "redis shop 1-0"),
                )
                letter = DeadLetter(
                    consumer,
                    event.message_id,
                    delivery,
                    5,
                    details.get("error_type", "shop.NoStock"),
                    details.get("error", "no stock of 100%"),
                    details.get("traceback"),
                )
                await uow.inbox.bury(letter)
            await transaction.commit()
        return [letter.position for letter in await self.letters.list()]

"""The types of the facade. A line that mypy must refuse names the error."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, assert_type

from messagebus import Depends, event
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.producer import Producer
from messagebus.facade._async.publisher import Publisher
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber

T = TypeVar("T")


@event
class Created(Generic[T]):
    """A generic event."""

    entity: T
    note: str = ""


@event(frozen=True, kw_only=True)
class Deleted:
    """A frozen event."""

    id: int


class Database:
    """A dependency of handlers."""


async def database() -> Database:
    """Return a database."""
    return Database()


consumer, subscriber, service = Consumer(), Subscriber(), Service()
producer, publisher = Producer(), Publisher()


@consumer.handler
async def handle(created: Created[int] | Deleted, db: Database = Depends(database)) -> str:
    """Handle events."""
    return f"{created} {db}"


@subscriber.subscribe("topic")
async def receive(message: str, db: Database = Depends(database)) -> None:
    """Receive messages."""


@service.handler
async def act(number: int, *, db: Database = Depends(database)) -> list[int]:
    """Be called by name."""
    return [number]


async def calls() -> None:
    """Call decorated functions; their signatures are unchanged."""
    assert_type(await handle(Created(1)), str)
    assert_type(await handle(Deleted(id=1), Database()), str)
    assert_type(await act(1), list[int])
    await handle(Created("1"))  # type: ignore[arg-type]
    await handle(Created(1), "db")  # type: ignore[arg-type]
    await receive(1)  # type: ignore[arg-type]
    await act("1")  # type: ignore[arg-type]
    await act(1, Database())  # type: ignore[call-arg]


async def components() -> None:
    """Use components."""
    producer.register(consumer, Consumer(provider=service.provider))
    publisher.register(subscriber)
    await producer.dispatch(Created(1))
    await publisher.publish("message", "topic")
    assert_type(await service.execute("act", 1), Any)
    assert_type(await service.execute(action="act", id=1), Any)
    Service(service.provider, generator=str.upper)
    Consumer(database)  # type: ignore[arg-type]
    producer.register(subscriber)  # type: ignore[arg-type]
    publisher.register(consumer)  # type: ignore[arg-type]
    await publisher.publish("message", 1)  # type: ignore[arg-type]
    await subscriber.receive("message", 1)  # type: ignore[arg-type]
    await service.execute(1)  # type: ignore[call-overload]
    Service(generator=3)  # type: ignore[arg-type]
    with consumer.override(database, Database):
        pass
    consumer.override(3, Database)  # type: ignore[arg-type]


def events() -> None:
    """Create events, which are dataclasses."""
    created = Created(1)
    assert_type(created, Created[int])
    assert_type(created.entity, int)
    assert_type(Created("1", "note").note, str)
    created.entity = 2
    Created()  # type: ignore[call-arg]
    Created(1, 2)  # type: ignore[arg-type]
    Deleted(1)  # type: ignore[call-arg]
    Deleted(id="1")  # type: ignore[arg-type]
    Deleted(id=1).id = 2  # type: ignore[misc]

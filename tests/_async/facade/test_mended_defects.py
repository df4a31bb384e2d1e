"""Each defect of the package that this facade replaces, and the right behaviour."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import pytest

from messagebus import Depends
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.publisher import Publisher
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber
from tests.dependencies import Log

T = TypeVar("T")


@dataclass
class Created(Generic[T]):
    entity: T


@dataclass
class Deleted:
    entity: int


@dataclass
class Purged(Deleted):
    pass


async def test_a_transaction_does_not_commit_when_the_handler_raises() -> None:
    """The error is thrown into the generator, so the code after its yield does not run."""
    log: Log = []
    consumer = Consumer()

    async def transaction() -> AsyncIterator[str]:
        log.append("begin")
        try:
            yield "transaction"
        except Exception:
            log.append("rollback")
            raise
        log.append("commit")

    @consumer.handler
    async def handle(event: Deleted, transaction: str = Depends(transaction)) -> None:
        raise ValueError(event.entity)

    with pytest.raises(ValueError, match="1"):
        await consumer.consume(Deleted(1))

    assert ["begin", "rollback"] == log


async def test_a_transaction_commits_when_the_handler_returns() -> None:
    """The generator resumes and runs to its end."""
    log: Log = []
    consumer = Consumer()

    async def transaction() -> AsyncIterator[str]:
        log.append("begin")
        yield "transaction"
        log.append("commit")

    @consumer.handler
    async def handle(event: Deleted, transaction: str = Depends(transaction)) -> None:
        log.append("handle")

    await consumer.consume(Deleted(1))

    assert ["begin", "handle", "commit"] == log


async def test_a_nested_generator_is_open_while_the_handler_runs() -> None:
    """It is closed after the dependency that needs it."""
    log: Log = []
    consumer = Consumer()

    async def connection() -> AsyncIterator[str]:
        log.append("open")
        yield "connection"
        log.append("close")

    async def repository(connection: str = Depends(connection)) -> str:
        return f"repository on {connection}"

    @consumer.handler
    async def handle(event: Deleted, repository: str = Depends(repository)) -> None:
        log.append(repository)

    await consumer.consume(Deleted(1))

    assert ["open", "repository on connection", "close"] == log


async def test_events_are_routed_by_class_not_by_name() -> None:
    """Classes of one name do not collide, and handlers of a base class hear subclasses."""
    log: Log = []
    consumer = Consumer()
    namesake = type("Deleted", (), {})

    @consumer.handler
    async def handle(event: Deleted) -> None:
        log.append(type(event).__name__)

    await consumer.consume(namesake())
    await consumer.consume(Purged(1))

    assert ["Purged"] == log


async def test_generic_events_are_routed_by_their_argument() -> None:
    """A handler for one argument does not hear events created for another."""
    log: Log = []
    consumer = Consumer()

    @consumer.handler
    async def handle(event: Created[int]) -> None:
        log.append(str(event.entity))

    for event in (Created[int](1), Created[str]("2"), Created(3), Created("4")):
        await consumer.consume(event)

    assert ["1", "3"] == log


async def test_an_event_without_a_handler_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A missing handler is no error, but it shows in the log."""
    with caplog.at_level("INFO", "messagebus"):
        await Consumer().consume(Deleted(1))

    assert [f"No handler hears {Deleted}"] == caplog.messages


async def test_a_handler_of_a_union_has_its_dependencies_when_it_is_called_directly() -> None:
    """The decorator treats unions like classes."""
    consumer = Consumer()

    @consumer.handler
    async def handle(event: Deleted | Created[int], mark: str = Depends(lambda: "!")) -> str:
        return f"{event.entity}{mark}"

    assert "1!" == await handle(Deleted(1))


async def test_a_dependency_that_is_used_twice_is_called_once() -> None:
    """All uses in a call share one object."""
    calls: Log = []
    service = Service()

    def connection() -> object:
        calls.append("call")
        return object()

    def repository(connection: object = Depends(connection)) -> object:
        return connection

    @service.handler
    async def act(one: object = Depends(connection), two: object = Depends(repository)) -> bool:
        return one is two

    assert await service.execute("act")
    assert ["call"] == calls


async def test_no_signature_is_read_in_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are read at registration."""
    consumer = Consumer()
    log: Log = []

    @consumer.handler
    async def handle(event: Deleted, value: list[str] = Depends(list)) -> None:
        log.append("handled")

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError

    monkeypatch.setattr(inspect, "signature", refuse)
    monkeypatch.setattr("messagebus._di.requirements.parameters", refuse)
    await consumer.consume(Deleted(1))

    assert ["handled"] == log


async def test_dependencies_can_be_declared_in_annotations() -> None:
    """`Annotated[..., Depends(...)]` declares a dependency."""
    service = Service()

    @service.handler
    async def act(value: Annotated[list[str], Depends(list)]) -> list[str]:
        return value

    assert [] == await service.execute("act")


async def test_a_publisher_serves_subscribers_of_its_own_colour() -> None:
    """Its `register` takes subscribers, and a failure does not stop the delivery."""
    log: Log = []
    publisher, failing, working = Publisher(), Subscriber(), Subscriber()

    @failing.subscribe("topic")
    async def fail(message: str) -> None:
        raise ValueError(message)

    @working.subscribe("topic")
    async def work(message: str) -> None:
        log.append(message)

    publisher.register(failing, working)
    with pytest.raises(ValueError, match="message"):
        await publisher.publish("message", "topic")

    assert ["message"] == log
    globalns = inspect.getmodule(Publisher).__dict__
    assert Subscriber is eval(  # noqa: S307
        inspect.signature(Publisher.register).parameters["subscribers"].annotation, globalns
    )

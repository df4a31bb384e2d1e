"""Producers and publishers: delivery to every registered receiver."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import pytest

from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.producer import Producer
from messagebus.facade._async.publisher import Publisher
from messagebus.facade._async.subscriber import Subscriber
from tests.dependencies import Log


@dataclass
class Happened:
    """An event."""

    number: int = 0


def consumer_of(log: Log, name: str, failure: BaseException | None = None) -> Consumer:
    """Return a consumer whose handler logs its name, and fails when told to."""
    consumer = Consumer()

    @consumer.handler
    async def handle(event: Happened) -> None:
        log.append(name)
        if failure is not None:
            raise failure

    return consumer


def subscriber_of(log: Log, name: str, failure: BaseException | None = None) -> Subscriber:
    """Return a subscriber whose handler logs its name, and fails when told to."""
    subscriber = Subscriber()

    @subscriber.subscribe("topic")
    async def handle(message: Happened) -> None:
        log.append(name)
        if failure is not None:
            raise failure

    return subscriber


async def dispatched(*failures: BaseException | None) -> Log:
    """Dispatch to consumers that fail with the given errors; return the log."""
    log: Log = []
    producer = Producer()
    producer.register(*(consumer_of(log, str(index), each) for index, each in enumerate(failures)))
    try:
        await producer.dispatch(Happened())
    finally:
        log.append("end")
    return log


async def published(*failures: BaseException | None) -> Log:
    """Publish to subscribers that fail with the given errors; return the log."""
    log: Log = []
    publisher = Publisher()
    publisher.register(
        *(subscriber_of(log, str(index), each) for index, each in enumerate(failures))
    )
    try:
        await publisher.publish(Happened(), "topic")
    finally:
        log.append("end")
    return log


WAYS = [dispatched, published]


@pytest.mark.parametrize("way", WAYS)
async def test_all_receive_it_in_the_order_of_their_registration(way: Any) -> None:
    """They receive it one after another."""
    assert ["0", "1", "2", "end"] == await way(None, None, None)


@pytest.mark.parametrize("way", WAYS)
async def test_a_single_failure_is_raised_unchanged(way: Any) -> None:
    """This does not depend on the number of receivers."""
    error = ValueError("no")

    with pytest.raises(ValueError, match="no") as raised:
        await way(None, error, None)

    assert raised.value is error


@pytest.mark.parametrize("way", WAYS)
async def test_several_failures_are_raised_together(way: Any) -> None:
    """The group contains them in order."""
    errors = ValueError("first"), LookupError("second")

    with pytest.raises(ExceptionGroup) as raised:
        await way(errors[0], None, errors[1])

    assert errors == raised.value.exceptions


async def test_a_failing_consumer_does_not_keep_others_from_the_event() -> None:
    """All receive it before the failure is raised."""
    log: Log = []
    producer = Producer()
    producer.register(consumer_of(log, "fails", ValueError("no")))
    producer.register(consumer_of(log, "works"))

    with pytest.raises(ValueError, match="no"):
        await producer.dispatch(Happened())

    assert ["fails", "works"] == log


async def test_a_failing_subscriber_does_not_keep_others_from_the_message() -> None:
    """All receive it before the failure is raised."""
    log: Log = []
    publisher = Publisher()
    publisher.register(subscriber_of(log, "fails", ValueError("no")))
    publisher.register(subscriber_of(log, "works"))

    with pytest.raises(ValueError, match="no"):
        await publisher.publish(Happened(), "topic")

    assert ["fails", "works"] == log


async def test_a_receiver_that_is_registered_twice_receives_it_once() -> None:
    """Registering again has no effect."""
    log: Log = []
    producer, consumer = Producer(), consumer_of(log, "consumer")
    producer.register(consumer, consumer)
    producer.register(consumer)
    publisher, subscriber = Publisher(), subscriber_of(log, "subscriber")
    publisher.register(subscriber, subscriber)
    publisher.register(subscriber)

    await producer.dispatch(Happened())
    await publisher.publish(Happened(), "topic")

    assert ["consumer", "subscriber"] == log
    assert ([consumer], [subscriber]) == (producer.consumers, publisher.subscribers)


async def test_a_delivery_without_receivers_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It is no error, since receivers may be registered later; the log warns once."""
    producer, publisher = Producer(), Publisher()
    with caplog.at_level(logging.WARNING, "messagebus"):
        for _ in range(2):
            await producer.dispatch(Happened())
            await publisher.publish(Happened(), "topic")

    assert [
        f"A producer without consumers dispatches {Happened}",
        "A publisher without subscribers publishes to 'topic'",
    ] == caplog.messages


async def test_a_receiver_that_is_registered_meanwhile_receives_the_next_one() -> None:
    """A delivery goes to the receivers that were registered when it began."""
    log: Log = []
    producer, consumer = Producer(), Consumer()

    @consumer.handler
    async def handle(event: Happened) -> None:
        producer.register(consumer_of(log, f"late {event.number}"))

    producer.register(consumer)

    await producer.dispatch(Happened(1))
    assert [] == log
    await producer.dispatch(Happened(2))
    assert ["late 1"] == log

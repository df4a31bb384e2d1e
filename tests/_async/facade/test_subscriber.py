"""Subscribers: handlers that receive the messages of a topic."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from messagebus import ConfigurationError, Depends, ParameterError
from messagebus.facade._async.subscriber import Subscriber
from tests.dependencies import Log


@pytest.fixture
def subscriber() -> Subscriber:
    """Return a subscriber without handlers."""
    return Subscriber()


async def test_a_handler_receives_the_messages_of_its_topics(subscriber: Subscriber) -> None:
    """A message may be any object; only the topic counts."""
    log: list[Any] = []

    @subscriber.subscribe("news", "weather")
    async def handle(message: str) -> None:
        log.append(message)

    await subscriber.receive("sunny", "weather")
    await subscriber.receive(3, "news")
    await subscriber.receive("nothing", "sports")

    assert ["sunny", 3] == log


async def test_a_topic_has_any_number_of_handlers(subscriber: Subscriber) -> None:
    """They run in the order of registration, each once for a message."""
    log: Log = []

    async def second(message: str) -> None:
        log.append(f"second {message}")

    @subscriber.subscribe("topic", "topic")
    async def first(message: str) -> None:
        log.append(f"first {message}")

    subscriber.register("topic", second)
    subscriber.register("topic", second)
    await subscriber.receive("message", "topic")

    assert ["first message", "second message"] == log


async def test_a_topic_without_subscription_is_no_error(
    subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    """The log mentions it."""
    with caplog.at_level(logging.INFO, "messagebus"):
        await subscriber.receive("message", "topic")

    assert ["No handler is subscribed to 'topic'"] == caplog.messages


async def test_failures_are_raised_after_all_handlers_have_run(subscriber: Subscriber) -> None:
    """A single failure is raised unchanged, several as a group."""
    log: Log = []

    @subscriber.subscribe("one", "two")
    async def fail(message: str) -> None:
        raise LookupError(message)

    @subscriber.subscribe("two")
    async def fail_too(message: str) -> None:
        raise ValueError(message)

    @subscriber.subscribe("one", "two")
    async def work(message: str) -> None:
        log.append(message)

    with pytest.raises(LookupError):
        await subscriber.receive("first", "one")
    with pytest.raises(ExceptionGroup) as raised:
        await subscriber.receive("second", "two")

    assert ["first", "second"] == log
    assert [LookupError, ValueError] == [type(each) for each in raised.value.exceptions]


async def test_a_handler_has_dependencies(subscriber: Subscriber) -> None:
    """They are resolved for a message and for a direct call."""
    log: Log = []

    @subscriber.subscribe("topic")
    async def handle(message: str, mark: str = Depends(lambda: "!")) -> None:
        log.append(message + mark)

    await subscriber.receive("received", "topic")
    await handle("called")
    await handle("called", "?")

    assert ["received!", "called!", "called?"] == log


async def test_a_dependency_may_ask_for_the_message(subscriber: Subscriber) -> None:
    """It does so by the annotation of the handler's parameter."""
    log: Log = []

    class Text(str):
        __slots__ = ()

    def shouted(message: Text) -> str:
        return message.upper()

    @subscriber.subscribe("topic")
    async def handle(message: Text, loud: str = Depends(shouted)) -> None:
        log.append(loud)

    await subscriber.receive(Text("message"), "topic")

    assert ["MESSAGE"] == log


async def test_a_handler_needs_no_annotation(subscriber: Subscriber) -> None:
    """Then no dependency can ask for the message."""

    def asking(message: str) -> str:
        return message

    async def plain(message) -> None:  # type: ignore[no-untyped-def]
        ...

    async def wrong(message, text: str = Depends(asking)) -> None:  # type: ignore[no-untyped-def]
        ...

    subscriber.register("topic", plain)
    with pytest.raises(ParameterError):
        subscriber.register("topic", wrong)


async def test_a_parameter_that_nothing_fills_is_an_error(subscriber: Subscriber) -> None:
    """It is refused at registration, even if it is annotated with the message's type."""

    async def wrong(message: str, other: str) -> None: ...

    with pytest.raises(ParameterError, match="'other'"):
        subscriber.register("topic", wrong)


async def test_subscribing_to_no_topic_is_an_error(subscriber: Subscriber) -> None:
    """So is a decorator without parentheses."""

    async def handle(message: str) -> None: ...

    with pytest.raises(ConfigurationError):
        subscriber.subscribe()
    with pytest.raises(ConfigurationError) as raised:
        subscriber.subscribe(handle)  # type: ignore[arg-type]

    assert "@subscriber.subscribe('topic')" in raised.value.__notes__[0]

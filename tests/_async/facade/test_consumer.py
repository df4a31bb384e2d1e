"""Consumers: which handler hears an event, and what happens when it fails."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, Union

import pytest

from messagebus import ConfigurationError, Depends, ParameterError, event
from messagebus.facade._async.consumer import Consumer
from tests.dependencies import Log

T = TypeVar("T")


@dataclass
class User:
    name: str = "Alice"


@dataclass
class Order: ...


@event
class Created(Generic[T]):
    entity: T


@event
class Updated:
    user: User


@event
class Renamed(Updated):
    name: str


class Unrelated: ...


generic: Any = Created
NOTHING = generic[User](None)


@pytest.fixture
def log() -> Log:
    """Return a list for what happened."""
    return []


@pytest.fixture
def consumer() -> Consumer:
    """Return a consumer without handlers."""
    return Consumer()


def hearing(consumer: Consumer, annotation: Any, log: Log, name: str = "heard") -> None:
    """Register a handler that logs what it hears."""

    async def handle(event: Any) -> None:
        log.append(f"{name} {type(event).__name__}")

    consumer.register(annotation, handle)


async def heard(consumer: Consumer, log: Log, *events: object) -> Log:
    """Return what is logged while events are consumed."""
    log.clear()
    for each in events:
        await consumer.consume(each)
    return log


async def test_a_handler_hears_what_its_parameter_is_annotated_with(
    consumer: Consumer, log: Log
) -> None:
    """The annotation of the first parameter decides; other events are not heard."""

    @consumer.handler
    async def handle(event: Updated) -> None:
        log.append(event.user.name)

    assert ["Alice"] == await heard(consumer, log, Updated(User()), Created(User()), "Updated")


async def test_a_handler_of_a_base_class_hears_subclasses(consumer: Consumer, log: Log) -> None:
    """A subclass of an event is one of these events, not the other way round."""
    hearing(consumer, Updated, log, "base")
    hearing(consumer, Renamed, log, "derived")

    assert ["base Updated"] == await heard(consumer, log, Updated(User()))
    assert ["base Renamed", "derived Renamed"] == await heard(consumer, log, Renamed(User(), "Bob"))


@pytest.mark.parametrize(
    "annotation",
    [
        Created[User] | Updated,
        Union[Created[User], Updated],  # noqa: UP007
        Union[Created[User], Updated | Unrelated],  # noqa: UP007
        Annotated[Created[User] | Updated, "both"],
    ],
)
async def test_unions_are_heard_in_every_spelling(
    consumer: Consumer, log: Log, annotation: Any
) -> None:
    """Each member of a union is heard, however it is written and nested."""
    hearing(consumer, annotation, log)

    assert ["heard Created", "heard Updated"] == await heard(
        consumer, log, Created(User()), Updated(User()), Created(Order())
    )


async def test_classes_of_one_name_do_not_meet(consumer: Consumer, log: Log) -> None:
    """Routing is by the class itself."""
    namesake = type("Updated", (), {})
    hearing(consumer, namesake, log)

    assert [] == await heard(consumer, log, Updated(User()))
    assert ["heard Updated"] == await heard(consumer, log, namesake())


async def test_generic_events_are_told_apart_by_their_parameter(
    consumer: Consumer, log: Log
) -> None:
    """By the alias they were made through, or by what they hold; unknown counts as a match."""
    hearing(consumer, Created[User], log, "user")
    hearing(consumer, Created[Order], log, "order")
    hearing(consumer, Created, log, "any")

    assert ["user Created", "any Created"] == await heard(consumer, log, Created(User()))
    assert ["order Created", "any Created"] == await heard(consumer, log, Created(Order()))
    assert ["user Created", "any Created"] == await heard(consumer, log, NOTHING)


async def test_an_annotation_may_be_text(consumer: Consumer, log: Log) -> None:
    """Also one that mentions a class that is local to the function that registers."""

    class Local: ...

    @consumer.handler
    async def handle(event: Local | Created[User]) -> None:
        log.append(type(event).__name__)

    assert isinstance(handle.__annotations__["event"], str)
    assert ["Local", "Created"] == await heard(consumer, log, Local(), Created(User()))


async def test_handlers_run_in_the_order_of_their_registration(
    consumer: Consumer, log: Log
) -> None:
    """Whatever they hear the event as."""
    hearing(consumer, object, log, "first")
    hearing(consumer, Renamed, log, "second")
    hearing(consumer, Updated, log, "third")

    assert ["first Renamed", "second Renamed", "third Renamed"] == await heard(
        consumer, log, Renamed(User(), "Bob")
    )


async def test_a_handler_is_called_once_for_an_event(consumer: Consumer, log: Log) -> None:
    """Even if it is registered for several classes that the event is of."""

    async def handle(event: Any) -> None:
        log.append(type(event).__name__)

    consumer.register(Renamed | Updated, handle)
    consumer.register(Updated, handle)
    consumer.register(Created[User], handle)
    consumer.register(Created[Order], handle)

    events = (Renamed(User(), "Bob"), Created(Order()), Created(User()))
    assert ["Renamed", "Created", "Created"] == await heard(consumer, log, *events)


async def test_a_handler_can_be_registered_later(consumer: Consumer, log: Log) -> None:
    """Events that were consumed before do not keep it from being heard."""
    assert [] == await heard(consumer, log, Updated(User()))

    hearing(consumer, Updated, log)

    assert ["heard Updated"] == await heard(consumer, log, Updated(User()))


async def test_an_event_that_nobody_hears_is_noted_once(
    consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no error; the log says so once for each class."""
    with caplog.at_level(logging.INFO, "messagebus"):
        await consumer.consume(Unrelated())
        await consumer.consume(Unrelated())

    assert [f"No handler hears {Unrelated}"] == caplog.messages


async def test_a_failing_handler_does_not_keep_others_from_the_event(
    consumer: Consumer, log: Log
) -> None:
    """The others run; a single failure arrives as it is."""
    hearing(consumer, Updated, log, "before")

    @consumer.handler
    async def fail(event: Updated) -> None:
        raise LookupError(event.user.name)

    hearing(consumer, Updated, log, "after")

    with pytest.raises(LookupError, match="Alice"):
        await consumer.consume(Updated(User()))

    assert ["before Updated", "after Updated"] == log


async def test_several_failures_arrive_together(consumer: Consumer) -> None:
    """They are a group, in the order of the handlers."""

    @consumer.handler
    async def first(event: Updated) -> None:
        raise LookupError

    @consumer.handler
    async def second(event: Updated) -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup) as raised:
        await consumer.consume(Updated(User()))

    assert [LookupError, ValueError] == [type(each) for each in raised.value.exceptions]


async def test_an_interrupt_ends_it_at_once(consumer: Consumer, log: Log) -> None:
    """Handlers behind it are not called; it arrives as it is."""

    @consumer.handler
    async def interrupt(event: Updated) -> None:
        raise KeyboardInterrupt

    hearing(consumer, Updated, log)

    with pytest.raises(KeyboardInterrupt) as raised:
        await consumer.consume(Updated(User()))

    assert [] == log
    assert raised.value.__cause__ is None


async def test_a_failure_before_an_interrupt_is_its_cause(consumer: Consumer) -> None:
    """Nothing that was raised gets lost."""

    @consumer.handler
    async def fail(event: Updated) -> None:
        raise LookupError

    @consumer.handler
    async def interrupt(event: Updated) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        await consumer.consume(Updated(User()))

    assert isinstance(raised.value.__cause__, ExceptionGroup)
    assert isinstance(raised.value.__cause__.exceptions[0], LookupError)


async def test_a_handler_may_consume_events_itself(consumer: Consumer, log: Log) -> None:
    """They are handled before the handler goes on."""

    @consumer.handler
    async def handle(event: Created[User]) -> None:
        await consumer.consume(Updated(event.entity))
        log.append("created")

    hearing(consumer, Updated, log)

    assert ["heard Updated", "created"] == await heard(consumer, log, Created(User()))


async def test_a_decorated_handler_keeps_its_name_and_parameters(consumer: Consumer) -> None:
    """Without dependencies it is the function itself, with them it looks like it."""

    async def plain(event: Updated) -> str:
        return event.user.name

    async def handle(event: Updated, suffix: str = Depends(lambda: "!")) -> str:
        """Say the name."""
        return event.user.name + suffix

    decorated = consumer.handler(handle)

    assert consumer.handler(plain) is plain
    assert ("handle", "Say the name.") == (decorated.__name__, decorated.__doc__)
    assert "Alice!" == await decorated(Updated(User()))
    assert "Alice?" == await decorated(Updated(User()), "?")
    assert "Alice?" == await decorated(event=Updated(User()), suffix="?")
    assert "Alice!" == await decorated(event=Updated(User()))


async def test_methods_and_partials_can_be_handlers(consumer: Consumer, log: Log) -> None:
    """What is bound already is not asked for."""

    class Greeter:
        async def greet(self, event: Updated, mark: str = Depends(lambda: "!")) -> None:
            log.append(f"{event.user.name}{mark}")

    async def greet(word: str, event: Updated) -> None:
        log.append(f"{word} {event.user.name}")

    consumer.handler(Greeter().greet)
    consumer.register(Updated, functools.partial(greet, "Hello"))

    assert ["Alice!", "Hello Alice"] == await heard(consumer, log, Updated(User()))


async def test_a_dependency_may_ask_for_the_event(consumer: Consumer, log: Log) -> None:
    """By its annotation: the class of the event, or one that is more general."""

    def name(event: Updated) -> str:
        return event.user.name

    def nested(anything: Updated | Order, name: str = Depends(name)) -> str:
        return f"{name} {type(anything).__name__}"

    @consumer.handler
    async def handle(event: Renamed, value: str = Depends(nested)) -> None:
        log.append(value)

    assert ["Alice Renamed"] == await heard(consumer, log, Renamed(User(), "Bob"))
    log.clear()
    await handle(event=Renamed(User("Carol"), "Bob"))
    assert ["Carol Renamed"] == log


async def test_a_dependency_that_asks_for_another_event_is_an_error(consumer: Consumer) -> None:
    """The error comes at registration, and shows how the dependency is needed."""

    def name(event: Renamed) -> str:
        return event.name

    def nested(name: str = Depends(name)) -> str:
        return name

    with pytest.raises(ParameterError, match="'event' of") as raised:

        @consumer.handler
        async def handle(event: Updated, value: str = Depends(nested)) -> None: ...

    assert [nested, name] == list(raised.value.path[1:])
    assert "nested -> " in raised.value.__notes__[0]


async def test_a_handler_with_an_unknown_annotation_can_be_registered(
    consumer: Consumer, log: Log
) -> None:
    """Where something else says what it hears, and what dependencies may ask for."""

    def name(event: Updated) -> str:
        return event.user.name

    async def handle(
        event: Unknown,  # type: ignore[name-defined]  # noqa: F821
        name: str = Depends(name),
    ) -> None:
        log.append(name)

    consumer.register(Updated, handle)

    assert ["Alice"] == await heard(consumer, log, Updated(User()))


async def test_a_handler_without_an_annotation_is_an_error(consumer: Consumer) -> None:
    """Nothing says what it hears; register does."""

    async def handle(event) -> None:  # type: ignore[no-untyped-def]
        ...

    with pytest.raises(ConfigurationError, match="has no annotation"):
        consumer.handler(handle)

    consumer.register(Updated, handle)
    await consumer.consume(Updated(User()))


@pytest.mark.parametrize("handler", [lambda: None, lambda *, event: None])
async def test_a_handler_that_takes_no_event_is_an_error(consumer: Consumer, handler: Any) -> None:
    """It has to take an argument without a name."""
    with pytest.raises(ConfigurationError, match="accepts no message"):
        consumer.register(Updated, handler)


async def test_an_annotation_that_nothing_can_be_of_is_an_error(consumer: Consumer) -> None:
    """The error comes at registration."""
    with pytest.raises(ConfigurationError, match="can be recognized"):
        consumer.register(3, lambda event: None)


async def test_a_parameter_that_nothing_fills_is_an_error(consumer: Consumer) -> None:
    """One with a default is none, nor are those that collect arguments."""

    async def fine(event: Updated, other: int = 0, *args: Any, **kwargs: Any) -> None: ...

    async def wrong(event: Updated, other: int) -> None: ...

    consumer.handler(fine)
    with pytest.raises(ParameterError, match=r"'other' of .*wrong has no default") as raised:
        consumer.handler(wrong)

    assert (wrong, "other") == (raised.value.listener, raised.value.parameter)
    await consumer.consume(Updated(User()))


async def test_a_generator_function_is_no_handler(consumer: Consumer) -> None:
    """Calling it would not run it."""

    def handle(event: Updated) -> Any:
        yield event

    with pytest.raises(ConfigurationError, match="generator function"):
        consumer.handler(handle)


async def test_what_failed_to_register_is_not_called(consumer: Consumer, log: Log) -> None:
    """A refused handler leaves the consumer as it was."""

    async def wrong(event: Updated, other: int) -> None:
        log.append("wrong")

    with pytest.raises(ParameterError):
        consumer.handler(wrong)

    assert [] == await heard(consumer, log, Updated(User()))

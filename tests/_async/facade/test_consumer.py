"""Consumers: the handlers that hear an event, and their failures."""

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
    """Return an empty log."""
    return []


@pytest.fixture
def consumer() -> Consumer:
    """Return a consumer without handlers."""
    return Consumer()


def hearing(consumer: Consumer, annotation: Any, log: Log, name: str = "heard") -> None:
    """Register a handler that logs its events."""

    async def handle(event: Any) -> None:
        log.append(f"{name} {type(event).__name__}")

    consumer.register(annotation, handle)


async def heard(consumer: Consumer, log: Log, *events: object) -> Log:
    """Consume events, and return the log."""
    log.clear()
    for each in events:
        await consumer.consume(each)
    return log


async def test_a_handler_hears_what_its_parameter_is_annotated_with(
    consumer: Consumer, log: Log
) -> None:
    """The annotation of its first parameter decides; it hears no other events."""

    @consumer.handler
    async def handle(event: Updated) -> None:
        log.append(event.user.name)

    assert ["Alice"] == await heard(consumer, log, Updated(User()), Created(User()), "Updated")


async def test_a_handler_of_a_base_class_hears_subclasses(consumer: Consumer, log: Log) -> None:
    """An instance of a subclass is an instance of the base class, but not vice versa."""
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
    """Each member of a union is heard, however the union is written or nested."""
    hearing(consumer, annotation, log)

    assert ["heard Created", "heard Updated"] == await heard(
        consumer, log, Created(User()), Updated(User()), Created(Order())
    )


async def test_classes_of_one_name_are_distinct(consumer: Consumer, log: Log) -> None:
    """Events are routed by class, not by name."""
    namesake = type("Updated", (), {})
    hearing(consumer, namesake, log)

    assert [] == await heard(consumer, log, Updated(User()))
    assert ["heard Updated"] == await heard(consumer, log, namesake())


async def test_generic_events_are_routed_by_their_arguments(consumer: Consumer, log: Log) -> None:
    """The alias or the value tells the argument; an unknown argument is a match."""
    hearing(consumer, Created[User], log, "user")
    hearing(consumer, Created[Order], log, "order")
    hearing(consumer, Created, log, "any")

    assert ["user Created", "any Created"] == await heard(consumer, log, Created(User()))
    assert ["order Created", "any Created"] == await heard(consumer, log, Created(Order()))
    assert ["user Created", "any Created"] == await heard(consumer, log, NOTHING)


async def test_an_annotation_may_be_a_string(consumer: Consumer, log: Log) -> None:
    """It may name a local class of the function that registers the handler."""

    class Local: ...

    @consumer.handler
    async def handle(event: Local | Created[User]) -> None:
        log.append(type(event).__name__)

    assert isinstance(handle.__annotations__["event"], str)
    assert ["Local", "Created"] == await heard(consumer, log, Local(), Created(User()))


async def test_handlers_run_in_the_order_of_their_registration(
    consumer: Consumer, log: Log
) -> None:
    """It does not matter by which class they hear the event."""
    hearing(consumer, object, log, "first")
    hearing(consumer, Renamed, log, "second")
    hearing(consumer, Updated, log, "third")

    assert ["first Renamed", "second Renamed", "third Renamed"] == await heard(
        consumer, log, Renamed(User(), "Bob")
    )


async def test_a_handler_is_called_once_for_an_event(consumer: Consumer, log: Log) -> None:
    """This holds even if it is registered for several classes of the event."""

    async def handle(event: Any) -> None:
        log.append(type(event).__name__)

    consumer.register(Renamed | Updated, handle)
    consumer.register(Updated, handle)
    consumer.register(Created[User], handle)
    consumer.register(Created[Order], handle)

    events = (Renamed(User(), "Bob"), Created(Order()), Created(User()))
    assert ["Renamed", "Created", "Created"] == await heard(consumer, log, *events)


async def test_a_handler_can_be_registered_later(consumer: Consumer, log: Log) -> None:
    """It hears events of a class that was consumed before."""
    assert [] == await heard(consumer, log, Updated(User()))

    hearing(consumer, Updated, log)

    assert ["heard Updated"] == await heard(consumer, log, Updated(User()))


async def test_an_event_without_a_handler_is_logged_once(
    consumer: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no error; the log mentions each class once."""
    with caplog.at_level(logging.INFO, "messagebus"):
        await consumer.consume(Unrelated())
        await consumer.consume(Unrelated())

    assert [f"No handler hears {Unrelated}"] == caplog.messages


async def test_a_failing_handler_does_not_keep_others_from_the_event(
    consumer: Consumer, log: Log
) -> None:
    """The others run, and a single failure is raised unchanged."""
    hearing(consumer, Updated, log, "before")

    @consumer.handler
    async def fail(event: Updated) -> None:
        raise LookupError(event.user.name)

    hearing(consumer, Updated, log, "after")

    with pytest.raises(LookupError, match="Alice"):
        await consumer.consume(Updated(User()))

    assert ["before Updated", "after Updated"] == log


async def test_several_failures_are_raised_together(consumer: Consumer) -> None:
    """The group contains them in the order of the handlers."""

    @consumer.handler
    async def first(event: Updated) -> None:
        raise LookupError

    @consumer.handler
    async def second(event: Updated) -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup) as raised:
        await consumer.consume(Updated(User()))

    assert [LookupError, ValueError] == [type(each) for each in raised.value.exceptions]


async def test_an_interrupt_ends_the_delivery(consumer: Consumer, log: Log) -> None:
    """Later handlers are not called, and the interrupt is raised unchanged."""

    @consumer.handler
    async def interrupt(event: Updated) -> None:
        raise KeyboardInterrupt

    hearing(consumer, Updated, log)

    with pytest.raises(KeyboardInterrupt) as raised:
        await consumer.consume(Updated(User()))

    assert [] == log
    assert raised.value.__cause__ is None


async def test_a_failure_before_an_interrupt_is_its_cause(consumer: Consumer) -> None:
    """No error is lost."""

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
    """They are handled before the handler continues."""

    @consumer.handler
    async def handle(event: Created[User]) -> None:
        await consumer.consume(Updated(event.entity))
        log.append("created")

    hearing(consumer, Updated, log)

    assert ["heard Updated", "created"] == await heard(consumer, log, Created(User()))


async def test_a_decorated_handler_keeps_its_name_and_parameters(consumer: Consumer) -> None:
    """Without dependencies it is the function itself; with them it looks like the function."""

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
    """Bound arguments are not parameters."""

    class Greeter:
        async def greet(self, event: Updated, mark: str = Depends(lambda: "!")) -> None:
            log.append(f"{event.user.name}{mark}")

    async def greet(word: str, event: Updated) -> None:
        log.append(f"{word} {event.user.name}")

    consumer.handler(Greeter().greet)
    consumer.register(Updated, functools.partial(greet, "Hello"))

    assert ["Alice!", "Hello Alice"] == await heard(consumer, log, Updated(User()))


async def test_a_dependency_may_ask_for_the_event(consumer: Consumer, log: Log) -> None:
    """It does so by annotation: the class of the event or a more general one."""

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
    """The error is raised at registration, and shows the path to the dependency."""

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
    """The caller names the event, which dependencies may then ask for."""

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
    """Its event is unknown; `register` names one."""

    async def handle(event) -> None:  # type: ignore[no-untyped-def]
        ...

    with pytest.raises(ConfigurationError, match="has no annotation"):
        consumer.handler(handle)

    consumer.register(Updated, handle)
    await consumer.consume(Updated(User()))


@pytest.mark.parametrize("handler", [lambda: None, lambda *, event: None])
async def test_a_handler_that_takes_no_event_is_an_error(consumer: Consumer, handler: Any) -> None:
    """It must take a positional argument."""
    with pytest.raises(ConfigurationError, match="accepts no message"):
        consumer.register(Updated, handler)


async def test_an_annotation_without_instances_is_an_error(consumer: Consumer) -> None:
    """The error is raised at registration."""
    with pytest.raises(ConfigurationError, match="can be recognized"):
        consumer.register(3, lambda event: None)


async def test_a_parameter_that_nothing_fills_is_an_error(consumer: Consumer) -> None:
    """Parameters with a default and variadic ones need not be filled."""

    async def fine(event: Updated, other: int = 0, *args: Any, **kwargs: Any) -> None: ...

    async def wrong(event: Updated, other: int) -> None: ...

    consumer.handler(fine)
    with pytest.raises(ParameterError, match=r"'other' of .*wrong has no default") as raised:
        consumer.handler(wrong)

    assert (wrong, "other") == (raised.value.listener, raised.value.parameter)
    await consumer.consume(Updated(User()))


async def test_a_generator_function_is_no_handler(consumer: Consumer) -> None:
    """Calling it would not run its body."""

    def handle(event: Updated) -> Any:
        yield event

    with pytest.raises(ConfigurationError, match="generator function"):
        consumer.handler(handle)


async def test_a_handler_that_failed_to_register_is_not_called(
    consumer: Consumer, log: Log
) -> None:
    """A refused handler leaves the consumer unchanged."""

    async def wrong(event: Updated, other: int) -> None:
        log.append("wrong")

    with pytest.raises(ParameterError):
        consumer.handler(wrong)

    assert [] == await heard(consumer, log, Updated(User()))

"""The description of a bus: what is registered, and what code tells about the rest."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import pytest

from messagebus import AsyncMessageBus, Command, Depends, Event, Metadata, Model
from messagebus.description import DescribedListener, DescribedMessage, Description, describe
from messagebus.facade._async.consumer import Consumer
from messagebus.typing import AsyncNext
from tests import library
from tests._async.fakes import AsyncLibrary
from tests.library import Book


class Open(Command):
    """Open an account.

    The rest of the text is of no interest.
    """

    metadata: Metadata = Metadata(name="described_open", schema_version=2)


class Close(Command):
    metadata: Metadata = Metadata(name="described_close", schema_version=1)


class Unhandled(Command):
    metadata: Metadata = Metadata(name="described_unhandled", schema_version=1)


class Opened(Event):
    metadata: Metadata = Metadata(name="described_opened", schema_version=1, published=True)


class OpenedByHand(Opened):
    metadata: Metadata = Metadata(name="described_by_hand", schema_version=1)


class Blocked(Event):
    metadata: Metadata = Metadata(name="described_blocked", schema_version=1)


class Closed(Event):
    metadata: Metadata = Metadata(name="described_closed", schema_version=1)


class Base(Event):
    """A base class, of which there are no messages."""


class Account(Model):
    """A model whose methods raise events."""

    @classmethod
    def described_open(cls) -> Account:
        """Raise an event by way of another method."""
        account = cls()
        account._described_note()
        return account

    def _described_note(self) -> None:
        self.messages.append(Opened())

    @staticmethod
    def described_block(account: Account) -> None:
        """Raise an event inside of a function."""
        account.messages.extend([Blocked() for _ in range(1)])


class Copy(Book):
    """A model that the repository of the tests takes."""

    id: str = "1"


class Books:
    """A dependency."""


def get_session() -> str:
    return "session"


def get_books(session: str = Depends(get_session)) -> Books:
    return Books()


def append_closed(account: Account) -> None:
    """Raise an event outside of the class of the model."""
    account.messages.append(Closed())


async def open_account(command: Open, uow: AsyncLibrary) -> None:
    Account.described_open()


async def close_account(
    command: Close,
    uow: AsyncLibrary,
    mailer: Any,
    *,
    clock: Any = None,
    books: Annotated[Books, Depends(get_books)],
) -> None:
    account = Account()
    append_closed(account)
    account.described_block(account)


async def hear_opened(event: Opened, uow: AsyncLibrary) -> None:
    assert isinstance(event, Opened)


async def hear_two(event: Opened | Blocked, uow: AsyncLibrary, mailer: Any = None) -> None:
    if isinstance(event, Blocked):
        uow.books.seen.append(Copy())


def new_bus(bus: AsyncMessageBus[Any] | None = None) -> AsyncMessageBus[Any]:
    """Return a bus with the listeners above."""
    bus = AsyncMessageBus[Any]() if bus is None else bus
    bus.add_listener(Open, open_account)
    bus.add_listener(Close, close_account)
    bus.add_listener(Opened, hear_opened)
    bus.add_listener(Opened | Blocked, hear_two)
    return bus


def message(description: Description, kind: type) -> DescribedMessage:
    """Return the description of a class."""
    (found,) = [each for each in description.messages if each.path.endswith(f".{kind.__name__}")]
    return found


def listener(description: Description, name: str) -> DescribedListener:
    """Return the description of a listener."""
    (found,) = [each for each in description.listeners if each.name == f"{__name__}.{name}"]
    return found


def short(paths: Any) -> list[str]:
    """Return the last parts of dotted names."""
    return [each.rpartition(".")[2] for each in paths]


def test_messages_are_described_with_their_listeners_in_the_order_of_calls() -> None:
    """Those of a subclass include those of its bases, the nearest first."""
    bus = new_bus()

    async def hear_by_hand(event: OpenedByHand, uow: AsyncLibrary) -> None: ...

    bus.add_listener(OpenedByHand, hear_by_hand)
    description = describe(bus)

    opened = message(description, Open)
    assert (
        DescribedMessage(
            f"{__name__}.Open",
            "command",
            "described_open",
            2,
            False,
            [f"{__name__}.open_account"],
            "Open an account.",
        )
        == opened
    )
    assert message(description, Opened).published
    assert ["hear_opened", "hear_two"] == short(message(description, Opened).listeners)
    expected = ["hear_by_hand", "hear_opened", "hear_two"]
    assert expected == short(message(description, OpenedByHand).listeners)


def test_commands_come_first_and_all_is_sorted() -> None:
    """So that the description of one application is always the same."""
    messages = describe(new_bus()).messages

    assert [*messages] == sorted(messages, key=lambda each: (each.kind, each.path))


def test_messages_of_the_same_module_belong_to_the_description() -> None:
    """A command without a handler, and an event that nobody hears; a base class is neither."""
    names = short(each.path for each in describe(new_bus()).messages)

    assert {"Unhandled", "Closed"} <= {*names}
    assert "Base" not in names
    assert () == tuple(message(describe(new_bus()), Unhandled).listeners)


def test_what_a_listener_raises_is_read_from_its_code() -> None:
    """By way of functions, class methods and methods of models, without running any."""
    description = describe(new_bus())

    assert ["Opened"] == short(listener(description, "open_account").raises)
    assert ["Blocked", "Closed"] == short(listener(description, "close_account").raises)


def test_a_message_that_is_only_heard_is_not_raised() -> None:
    """A listener of several types tells them apart by their classes."""
    description = describe(new_bus())

    assert [[], []] == [listener(description, name).raises for name in ("hear_opened", "hear_two")]


def test_a_listener_that_raises_what_it_hears_is_found_behind_a_call() -> None:
    """There the class is not named to tell messages apart."""
    bus = AsyncMessageBus[Any]()

    async def open_again(event: Opened, uow: AsyncLibrary) -> None:
        Account.described_open()

    bus.add_listener(Opened, open_again)

    assert ["Opened"] == short(describe(bus).listeners[0].raises)


async def close_with_result(command: Close, uow: Any) -> Closed:
    """Return an event."""
    return Closed()


async def close_with_values(command: Close, uow: Any) -> Closed:
    """Return an event whose values come from elsewhere."""
    return Closed(**uow.values(command))


async def close_by_module(command: Close, uow: Any) -> library.BookRegistered:
    """Return an event whose class is an attribute of a module."""
    return library.BookRegistered(id=str(command.message_id))


async def close_in_passing(command: Close, uow: Any) -> Any:
    """Return what a call makes of an event."""
    return uow.note(Closed())


async def close_and_tell(command: Close, uow: Any) -> Closed:
    """Raise an event, and return an equal one."""
    uow.books.seen.append(Copy(messages=[Closed()]))
    return Closed()


def make_closed() -> Closed:
    """Return an event, for whatever the caller does with it."""
    return Closed()


async def close_by_function(command: Close, uow: Any) -> None:
    """Raise an event that a function makes."""
    uow.books.seen.append(Copy(messages=[make_closed()]))


@pytest.mark.parametrize(
    ("close", "raised"),
    [
        (close_with_result, []),
        (close_with_values, []),
        (close_by_module, []),
        (close_in_passing, ["Closed"]),
        (close_and_tell, ["Closed"]),
        (close_by_function, ["Closed"]),
    ],
)
def test_a_message_that_is_only_returned_is_not_raised(close: Any, raised: list[str]) -> None:
    """It is the result of the listener; the bus does not handle it."""
    bus = AsyncMessageBus[Any]()
    bus.add_listener(Close, close)

    assert raised == short(describe(bus).listeners[0].raises)


def test_a_class_in_an_enclosing_function_is_found() -> None:
    """It is a variable of that function, not of the module."""
    kind = Closed

    async def close(command: Close, uow: AsyncLibrary) -> None:
        uow.books.seen.append(Copy(messages=[kind()]))

    bus = AsyncMessageBus[Any]()
    bus.add_listener(Close, close)

    assert ["Closed"] == short(describe(bus).listeners[0].raises)


def test_dependencies_are_described() -> None:
    """By name from the bus or from the call, and by declaration, with theirs in turn."""
    description = describe(new_bus(AsyncMessageBus(mailer=Books)))

    found = listener(description, "close_account").dependencies
    assert found is not None
    assert [
        ("mailer", "bus", f"{__name__}.Books", True),
        ("clock", "call", None, False),
        ("books", "depends", f"{__name__}.get_books", True),
    ] == [(each.parameter, each.source, each.provider, each.is_required) for each in found]
    (inner,) = found[2].dependencies
    assert ("session", f"{__name__}.get_session") == (inner.parameter, inner.provider)


def test_an_override_is_described_with_what_it_replaces() -> None:
    """What is described is what a call would use."""
    bus = new_bus()

    def fake_books() -> Books:
        return Books()

    with bus.override(get_books, fake_books):
        found = listener(describe(bus), "close_account").dependencies

    assert found is not None
    assert found[-1].provider is not None
    assert found[-1].provider.endswith("fake_books")
    assert f"{__name__}.get_books" == found[-1].replaces
    assert [] == [*found[-1].dependencies]


def test_the_handlers_of_an_included_consumer_are_described() -> None:
    """After the listeners of the bus, each with the events that it hears."""
    consumer = Consumer()

    @consumer.handler
    def note(event: Opened, books: Books = Depends(get_books)) -> None: ...

    @consumer.handler
    def note_all(event: object) -> None: ...

    bus = new_bus()
    bus.include(consumer)
    description = describe(bus)

    opened, closed = (message(description, kind).listeners for kind in (Opened, Closed))
    assert ["hear_opened", "hear_two", "note", "note_all"] == short(opened)
    assert ["note_all"] == short(closed)
    described = description.listeners[-2]
    assert ["Opened"] == described.hears
    assert described.consumer is not None
    assert described.consumer.endswith(".Consumer")
    assert described.dependencies is not None
    assert ["books"] == [each.parameter for each in described.dependencies]
    assert ["open_account"] == short(message(description, Open).listeners)


def test_any_object_that_consumes_events_is_described_as_one_listener() -> None:
    """What it does with them, only it knows."""

    class Audit:
        def consume(self, event: Any) -> None: ...

    bus = new_bus()
    bus.include(Audit())
    description = describe(bus)

    assert "consume" == short(message(description, Closed).listeners)[-1]
    assert description.listeners[-1].consumer is not None
    assert description.listeners[-1].consumer.endswith("Audit")


def test_listeners_of_one_name_are_told_apart() -> None:
    """By a number after those that were there before."""

    async def hear(source: str, event: Any, uow: Any) -> None: ...

    bus = AsyncMessageBus[Any]()
    for source in ("a", "b"):
        bus.add_listener(Closed, functools.partial(hear, source))
    description = describe(bus)

    names = [each.name for each in description.listeners]
    assert names[0] + " (2)" == names[1]
    assert names == [*message(description, Closed).listeners]


def test_a_callable_object_has_the_name_of_its_class() -> None:
    """Its own text would have an address, which differs in each process."""

    class Listener:
        async def __call__(self, event: Closed, uow: AsyncLibrary) -> None:
            Account.described_open()

    bus = AsyncMessageBus[Any]()
    bus.add_listener(Closed, Listener())
    (described,) = describe(bus).listeners

    assert described.name.endswith(".Listener")
    assert ["Opened"] == short(described.raises)


def test_a_bus_without_listeners_has_an_empty_description() -> None:
    """It is no error."""
    assert Description([], []) == describe(AsyncMessageBus[Any]())


def test_a_description_becomes_plain_values() -> None:
    """Those of JSON."""
    plain = describe(new_bus()).as_dict()

    assert {"messages", "listeners"} == plain.keys()
    (closing,) = [each for each in plain["listeners"] if each["name"].endswith("close_account")]
    assert "get_session" in str(closing["dependencies"])


@pytest.mark.parametrize("level", ["DEBUG", "WARNING"])
def test_the_level_of_the_log_changes_nothing(level: str, caplog: pytest.LogCaptureFixture) -> None:
    """At level DEBUG, listeners are replaced by others that log their calls."""
    caplog.set_level(level, "messagebus")

    assert ["hear_opened", "hear_two"] == short(message(describe(new_bus()), Opened).listeners)


@pytest.mark.parametrize("policy", ["raise", "collect", "isolate"])
def test_what_happens_around_listeners_changes_nothing(
    policy: Literal["raise", "collect", "isolate"],
) -> None:
    """A policy for errors and a middleware put other listeners into the place of those named."""

    async def around(call: Any, call_next: AsyncNext[Any]) -> Any:
        return await call_next(call)

    bus = new_bus(AsyncMessageBus(on_error=policy))
    bus.add_middleware(around)

    assert describe(new_bus()) == describe(bus)


def test_titles_are_as_short_as_they_can_be_told_apart() -> None:
    """The last part of a path, or more where another one ends alike."""

    def event(path: str) -> DescribedMessage:
        return DescribedMessage(path, "event", "name", 1, False, [], None)

    paths = ["a.b.Taken", "a.c.Taken", "a.Cancelled", "Cancelled.Twice", "Alone"]
    titles = Description([event(path) for path in paths], []).titles

    assert {
        "a.b.Taken": "b.Taken",
        "a.c.Taken": "c.Taken",
        "a.Cancelled": "Cancelled",
        "Cancelled.Twice": "Twice",
        "Alone": "Alone",
    } == titles

"""Middleware: around listeners, around *handle*, and around the handlers of the facade."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pytest

from messagebus import (
    AsyncHandleCall,
    AsyncListenerCall,
    AsyncMessageBus,
    Call,
    ConfigurationError,
    Depends,
    Event,
    HandlerCall,
    Message,
)
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber
from messagebus.typing import AsyncMiddleware, AsyncNext
from tests._async.fakes import AsyncLibrary
from tests.library import Book, BookBorrowed, BookRegistered, BorrowBook, RegisterBook, Shelve

Bus = AsyncMessageBus[Any]


def noting(name: str, notes: list[str]) -> AsyncMiddleware[Any]:
    """Return middleware that notes when a call begins and ends."""

    async def middleware(call: Any, call_next: AsyncNext[Any]) -> Any:
        notes.append(f"{name} begins")
        try:
            return await call_next(call)
        finally:
            notes.append(f"{name} ends")

    return middleware


async def register(command: RegisterBook, uow: AsyncLibrary) -> str:
    """Add a book, which raises an event."""
    book = Book(id=command.id)
    book.messages.append(BookRegistered(id=command.id))
    await uow.books.add(book)
    return f"registered {command.id}"


async def hear(event: BookRegistered, uow: AsyncLibrary, shelf: str = "A") -> None:
    """Hear an event, with a dependency."""


async def run(bus: Bus, message: Message[Any], uow: AsyncLibrary, **dependencies: Any) -> Any:
    """Handle a message in a transaction that is committed."""
    async with uow as transaction:
        result = await bus.handle(message, transaction, **dependencies)
        await transaction.commit()
    return result


@pytest.fixture
def notes() -> list[str]:
    """Return what middleware and listeners have noted."""
    return []


async def test_middleware_wraps_each_call_of_a_listener_in_the_order_it_was_added(
    bus: Bus, uow: AsyncLibrary, notes: list[str]
) -> None:
    """What was added first is outermost, and the result passes through."""
    bus.add_listener(RegisterBook, register)
    for name in ("outer", "inner"):
        bus.add_middleware(noting(name, notes))

    assert await run(bus, RegisterBook(id="1"), uow) == "registered 1"

    assert ["outer begins", "inner begins", "inner ends", "outer ends"] == notes


async def test_middleware_sees_message_listener_transaction_and_causes(
    bus: Bus, uow: AsyncLibrary
) -> None:
    """The causes are those of the message, the first one first."""
    seen: list[tuple[Any, ...]] = []

    async def look(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
        seen.append((call.message, call.function, call.transaction, [*call.causes]))
        return await call_next(call)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, hear)
    bus.add_middleware(look)
    command = RegisterBook(id="1")

    async with uow as transaction:
        await bus.handle(command, transaction)
        await transaction.rollback()

    first, second = seen
    assert (command, register, transaction, []) == first
    assert (BookRegistered(id="1"), hear, transaction, [command]) == second


@pytest.mark.parametrize("dependencies", [{}, {"shelf": "B"}])
async def test_a_listener_gets_its_dependencies_through_middleware(
    bus: Bus, uow: AsyncLibrary, notes: list[str], dependencies: dict[str, Any]
) -> None:
    """Those of the call and those that are declared."""

    def lend() -> str:
        return "declared"

    async def shelve(
        command: Shelve, uow: AsyncLibrary, desk: Annotated[str, Depends(lend)], shelf: str = "A"
    ) -> str:
        return f"{desk} {shelf}"

    bus.add_listener(Shelve, shelve)
    bus.add_middleware(noting("m", notes))

    result = await run(bus, Shelve(), uow, **dependencies)

    assert f"declared {dependencies.get('shelf', 'A')}" == result
    assert ["m begins", "m ends"] == notes


async def test_middleware_can_replace_the_result_and_the_error(bus: Bus, uow: AsyncLibrary) -> None:
    """What it returns is what *handle* returns."""

    async def borrow(command: BorrowBook, uow: AsyncLibrary) -> Book:
        return await uow.books.get(command.id)

    async def default(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
        try:
            return await call_next(call)
        except KeyError:
            return Book(id="none")

    bus.add_listener(BorrowBook, borrow)
    bus.add_middleware(default)

    assert (await run(bus, BorrowBook(id="1"), uow)).id == "none"


async def test_middleware_that_does_not_pass_the_call_on_skips_the_listener(
    bus: Bus, uow: AsyncLibrary
) -> None:
    """The cascade goes on without it."""

    async def skip(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
        return None if isinstance(call.message, Event) else await call_next(call)

    async def fail(event: BookRegistered, uow: AsyncLibrary) -> None:
        raise AssertionError

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, fail)
    bus.add_middleware(skip)

    assert await run(bus, RegisterBook(id="1"), uow) == "registered 1"


async def test_an_error_of_middleware_fails_the_handling(bus: Bus, uow: AsyncLibrary) -> None:
    """Its note names the listener that was about to be called."""

    async def refuse(call: AsyncListenerCall, call_next: AsyncNext[AsyncListenerCall]) -> Any:
        raise PermissionError

    bus.add_listener(RegisterBook, register)
    bus.add_middleware(refuse)

    with pytest.raises(PermissionError) as caught:
        await run(bus, RegisterBook(id="1"), uow)

    assert "register was handling RegisterBook" in caught.value.__notes__[0]


async def test_middleware_that_is_added_later_wraps_listeners_that_were_called(
    bus: Bus, uow: AsyncLibrary, notes: list[str]
) -> None:
    """Routes that were resolved before are resolved again."""
    bus.add_listener(RegisterBook, register)
    await run(bus, RegisterBook(id="1"), uow)
    bus.add_middleware(noting("m", notes))

    await run(bus, RegisterBook(id="2"), uow)

    assert ["m begins", "m ends"] == notes


async def test_middleware_around_handle_wraps_the_whole_cascade_once(
    bus: Bus, uow: AsyncLibrary, notes: list[str]
) -> None:
    """It begins before the first listener, and ends after the last; a nested call is part of it."""

    async def handle_again(event: BookRegistered, transaction: Any) -> None:
        await bus.handle(Shelve(), transaction)

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        notes.append("nested")

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, handle_again)
    bus.add_listener(Shelve, shelve)
    bus.add_middleware(noting("handle", notes), around="handle")
    bus.add_middleware(noting("listener", notes))

    assert await run(bus, RegisterBook(id="1"), uow) == "registered 1"

    assert ("handle begins", "handle ends") == (notes[0], notes[-1])
    assert 1 == notes.count("handle begins")
    assert "nested" in notes
    assert 3 == notes.count("listener begins")


async def test_middleware_around_handle_sees_message_and_transaction(
    bus: Bus, uow: AsyncLibrary
) -> None:
    """It wraps commands without dependencies, too, whatever was handled before it was added."""
    seen: list[Message[Any]] = []

    async def look(call: AsyncHandleCall, call_next: AsyncNext[AsyncHandleCall]) -> Any:
        seen.append(call.message)
        assert call.transaction.uow is uow
        return await call_next(call)

    bus.add_listener(RegisterBook, register)
    await run(bus, RegisterBook(id="0"), uow)
    bus.add_middleware(look, around="handle")
    command = RegisterBook(id="1")

    await run(bus, command, uow)

    assert [command] == seen


async def test_what_was_raised_is_dropped_when_middleware_around_handle_fails(
    bus: Bus, uow: AsyncLibrary
) -> None:
    """As after the failure of a listener."""

    async def fail(call: AsyncHandleCall, call_next: AsyncNext[AsyncHandleCall]) -> Any:
        await call_next(call)
        raise PermissionError

    bus.add_listener(RegisterBook, register)
    bus.add_middleware(fail, around="handle")

    with pytest.raises(PermissionError):
        await run(bus, RegisterBook(id="1"), uow)

    assert ["rollback"] == uow.ended


async def test_an_included_consumer_is_called_through_middleware(
    bus: Bus, uow: AsyncLibrary, notes: list[str]
) -> None:
    """The call of the consumer is one call of a listener."""
    consumer = Consumer()

    @consumer.handler
    async def note(event: BookBorrowed) -> None:
        notes.append(event.id)

    bus.include(consumer)
    bus.add_middleware(noting("m", notes))

    await run(bus, BookBorrowed(id="7"), uow)

    assert ["m begins", "7", "m ends"] == notes


async def test_middleware_goes_around_something_that_is_known(bus: Bus) -> None:
    """Anything else is a mistake."""
    add: Any = bus.add_middleware
    with pytest.raises(ConfigurationError, match="around must be 'listener' or 'handle'"):
        add(noting("m", []), around="command")


async def test_an_object_can_be_middleware(bus: Bus, uow: AsyncLibrary) -> None:
    """So can a partial function."""
    calls: list[str] = []

    class Counting:
        async def __call__(self, call: Call, call_next: AsyncNext[Any]) -> Any:
            calls.append("object")
            return await call_next(call)

    async def count(name: str, call: Call, call_next: AsyncNext[Any]) -> Any:
        calls.append(name)
        return await call_next(call)

    bus.add_listener(RegisterBook, register)
    bus.add_middleware(Counting())
    bus.add_middleware(functools.partial(count, "partial"))

    await run(bus, RegisterBook(id="1"), uow)

    assert ["object", "partial"] == calls


async def test_handlers_of_the_facade_are_called_through_middleware(notes: list[str]) -> None:
    """Those registered before and after; it sees message, function and arguments."""
    seen: list[tuple[Any, ...]] = []

    async def look(call: HandlerCall, call_next: AsyncNext[HandlerCall]) -> Any:
        seen.append((call.message, call.arguments, dict(call.keywords)))
        notes.append(call.function.__name__)
        return await call_next(call)

    consumer, subscriber, service = Consumer(), Subscriber(), Service()

    @consumer.handler
    async def before(event: str) -> None:
        notes.append(f"{event} heard")

    for component in (consumer, subscriber, service):
        component.add_middleware(look)

    @consumer.handler
    async def after(event: str) -> None:
        notes.append(f"{event} heard again")

    @subscriber.subscribe("topic")
    async def receive(message: int) -> None:
        notes.append(str(message))

    @service.handler
    async def add(first: int, second: int = 0) -> int:
        return first + second

    await consumer.consume("news")
    await subscriber.receive(1, "topic")
    assert await service.execute("add", 1, second=2) == 3

    assert ["before", "news heard", "after", "news heard again", "receive", "1", "add"] == notes
    assert ("news", ("news",), {}) == seen[0]
    assert (1, (1,), {"second": 2}) == seen[-1]


async def test_one_middleware_serves_bus_and_facade(bus: Bus, uow: AsyncLibrary) -> None:
    """Both calls have a message and a function."""
    names: list[str] = []

    async def name(call: Call, call_next: AsyncNext[Any]) -> Any:
        names.append(f"{call.function.__name__} {call.message.id}")
        return await call_next(call)

    consumer = Consumer()

    @consumer.handler
    async def note(event: BookBorrowed) -> None:
        pass

    consumer.add_middleware(name)
    bus.add_middleware(name)
    bus.add_listener(RegisterBook, register)

    await run(bus, RegisterBook(id="1"), uow)
    await consumer.consume(BookBorrowed(id="2"))

    assert ["register 1", "note 2"] == names


async def test_a_call_of_handle_is_passed_on_once(bus: Bus, uow: AsyncLibrary) -> None:
    """The effect of a failed one would still be there, and its messages would be gone."""

    async def try_again(call: AsyncHandleCall, call_next: AsyncNext[AsyncHandleCall]) -> Any:
        try:
            return await call_next(call)
        except PermissionError:
            return await call_next(call)

    async def refuse(command: RegisterBook, uow: AsyncLibrary) -> None:
        raise PermissionError

    bus.add_listener(RegisterBook, refuse)
    bus.add_middleware(try_again, around="handle")
    with pytest.raises(ConfigurationError, match="passed on one call twice"):
        await run(bus, RegisterBook(id="1"), uow)
    assert ["rollback"] == uow.ended

"""The cascade of one handle: order, causes and depth."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus import AsyncMessageBus, CascadeError, TransactionError
from messagebus.domain.model import uuid7
from messagebus.service.causation import Received
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore
from tests.library import (
    Book,
    BookBorrowed,
    BookRegistered,
    Reader,
    RegisterBook,
    ShelfCounted,
    Shelve,
)


async def raise_in(uow: Any, *messages: Any) -> None:
    """Raise messages from a new model."""
    book = Book(id="1")
    book.messages.extend(messages)
    await uow.books.add(book)


async def test_messages_are_handled_first_in_first_out(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """The messages that one message raises come before the messages that those raise."""

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        await raise_in(uow, BookRegistered(id="1"), BookRegistered(id="2"))

    async def registered(event: BookRegistered, uow: AsyncLibrary) -> None:
        await raise_in(uow, ShelfCounted(id=event.id), Shelve(id=event.id))

    async def shelve(command: Shelve, uow: AsyncLibrary) -> None:
        await raise_in(uow, BookBorrowed(id=command.id))

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)
    bus.add_listener(Shelve, shelve)
    async with uow as transaction:
        await bus.handle(RegisterBook(id="0"), transaction)
        await transaction.commit()

    assert [
        RegisterBook(id="0"),
        BookRegistered(id="1"),
        BookRegistered(id="2"),
        ShelfCounted(id="1"),
        Shelve(id="1"),
        ShelfCounted(id="2"),
        Shelve(id="2"),
        BookBorrowed(id="1"),
        BookBorrowed(id="2"),
    ] == eventstore.added


async def test_messages_keep_the_order_of_the_listeners_that_raised_them(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """Messages of the first listener come first, even if they were created later."""
    early = ShelfCounted(id="second")

    async def first(event: BookRegistered, uow: AsyncLibrary) -> None:
        reader = Reader(id="1")
        reader.messages.append(ShelfCounted(id="first"))
        uow.readers.look_at(reader)

    async def second(event: BookRegistered, uow: AsyncLibrary) -> None:
        await raise_in(uow, early)

    bus.add_listener(BookRegistered, first)
    bus.add_listener(BookRegistered, second)
    async with uow as transaction:
        await bus.handle(BookRegistered(id="0"), transaction)
        await transaction.commit()

    assert [BookRegistered(id="0"), ShelfCounted(id="first"), early] == eventstore.added


async def test_a_message_is_stored_after_its_listeners_have_run(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """A message that is being handled is not in the eventstore yet."""
    stored: list[int] = []

    async def listen(event: BookRegistered, uow: AsyncLibrary) -> None:
        stored.append(len(eventstore.added))

    bus.add_listener(BookRegistered, listen)
    bus.add_listener(BookRegistered, lambda event, uow: listen(event, uow))
    async with uow as transaction:
        await bus.handle(BookRegistered(id="1"), transaction)
        await transaction.commit()

    assert [0, 0] == stored
    assert 1 == len(eventstore.added)


async def test_a_listener_knows_the_cause_of_its_message(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """Causation is the previous message, correlation the first; both end with the handle."""
    known: list[tuple[str, Any, Any]] = []

    async def note(name: str, uow: Any) -> None:
        known.append((name, uow.causation_id, uow.correlation_id))

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        await note("register", uow)
        await raise_in(uow, registered_event)

    async def registered(event: BookRegistered, uow: AsyncLibrary) -> None:
        await note("registered", uow)
        await raise_in(uow, BookBorrowed())

    async def borrowed(event: BookBorrowed, uow: AsyncLibrary) -> None:
        await note("borrowed", uow)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)
    bus.add_listener(BookBorrowed, borrowed)
    command, registered_event = RegisterBook(id="1"), BookRegistered(id="1")
    async with uow as transaction:
        await bus.handle(command, transaction)

        assert (None, None, None) == (
            transaction.message,
            transaction.causation_id,
            transaction.correlation_id,
        )
        await transaction.commit()

    first = command.message_id
    assert [
        ("register", None, first),
        ("registered", first, first),
        ("borrowed", registered_event.message_id, first),
    ] == known


async def test_a_received_message_is_not_stored_again_and_keeps_its_correlation(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """It was stored where it was raised; what it raises here belongs to the same cascade."""
    known: list[tuple[Any, Any]] = []
    first = uuid7()

    async def borrowed(event: BookBorrowed, uow: Any) -> None:
        known.append((uow.causation_id, uow.correlation_id))
        await raise_in(uow, BookRegistered())

    async def registered(event: BookRegistered, uow: Any) -> None:
        known.append((uow.causation_id, uow.correlation_id))

    bus.add_listener(BookBorrowed, borrowed)
    bus.add_listener(BookRegistered, registered)
    event, later = BookBorrowed(), BookBorrowed()
    async with uow as transaction:
        transaction.received = Received(event, first)
        await bus.handle(event, transaction)
        await bus.handle(later, transaction)
        await transaction.commit()

    assert [BookRegistered(), later, BookRegistered()] == eventstore.added
    assert [(None, first), (event.message_id, first)] == known[:2]
    assert [(None, later.message_id), (later.message_id, later.message_id)] == known[2:]


async def test_each_handle_begins_a_cascade_of_its_own() -> None:
    """The messages of one handle do not cause those of the next."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(max_depth=2)
    known: list[tuple[Any, Any]] = []

    async def register(command: RegisterBook, uow: Any) -> None:
        known.append((uow.causation_id, uow.correlation_id))
        await raise_in(uow, BookRegistered())

    bus.add_listener(RegisterBook, register)
    commands = [RegisterBook(id=id) for id in "123"]
    async with AsyncLibrary() as transaction:
        for command in commands:
            await bus.handle(command, transaction)

            assert transaction.message is None
        await transaction.rollback()

    assert [(None, command.message_id) for command in commands] == known


async def test_a_handle_inside_a_handler_is_part_of_the_cascade(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """A handler may call the bus with its transaction; the chain of causes continues."""
    known: list[Any] = []

    async def register(command: RegisterBook, uow: Any) -> str:
        result: str = await bus.handle(Shelve(id="inner"), uow)
        known.append(uow.message)
        return result

    async def shelve(command: Shelve, uow: Any) -> str:
        known.append((uow.causation_id, uow.correlation_id))
        return "shelved"

    bus.add_listener(RegisterBook, register)
    bus.add_listener(Shelve, shelve)
    command = RegisterBook(id="1")
    async with uow as transaction:
        assert "shelved" == await bus.handle(command, transaction)
        await transaction.commit()

    assert [(command.message_id, command.message_id), command] == known
    assert [Shelve(id="inner"), command] == eventstore.added


async def test_an_endless_cascade_is_stopped(uow: AsyncLibrary) -> None:
    """Two events that raise each other are reported, and the transaction is rolled back."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(max_depth=50)

    async def borrowed(event: BookBorrowed, uow: AsyncLibrary) -> None:
        await raise_in(uow, BookRegistered())

    async def registered(event: BookRegistered, uow: AsyncLibrary) -> None:
        await raise_in(uow, BookBorrowed())

    bus.add_listener(BookBorrowed, borrowed)
    bus.add_listener(BookRegistered, registered)
    with pytest.raises(CascadeError, match="BookRegistered, BookBorrowed") as caught:
        async with uow as transaction:
            await bus.handle(BookRegistered(), transaction)

    assert 50 == caught.value.max_depth
    assert 51 == len(caught.value.chain)
    assert (BookRegistered, BookBorrowed) == caught.value.repeating
    assert ["rollback"] == uow.ended


@pytest.mark.parametrize(("length", "stopped"), [(10, False), (11, True)])
async def test_a_chain_may_be_as_long_as_max_depth_says(
    uow: AsyncLibrary, length: int, stopped: bool
) -> None:
    """A chain of max_depth messages is handled, a longer one is not."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(max_depth=10)
    handled: list[Any] = []

    async def count(event: ShelfCounted, uow: AsyncLibrary) -> None:
        handled.append(event)
        if len(handled) < length:
            await raise_in(uow, ShelfCounted())

    bus.add_listener(ShelfCounted, count)
    async with uow as transaction:
        if stopped:
            with pytest.raises(CascadeError):
                await bus.handle(ShelfCounted(), transaction)
        else:
            await bus.handle(ShelfCounted(), transaction)
        await transaction.rollback()

    assert 10 == len(handled)


async def test_a_wide_cascade_is_no_runaway(uow: AsyncLibrary) -> None:
    """One command may raise 100,000 events, since only the depth is limited."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    counted: list[ShelfCounted] = []
    event = ShelfCounted()

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        await raise_in(uow, *[event] * 100_000)

    async def count(event: ShelfCounted, uow: AsyncLibrary) -> None:
        counted.append(event)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(ShelfCounted, count)
    async with AsyncLibrary() as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()

    assert 100_000 == len(counted)


async def test_a_handler_that_ends_the_transaction_ends_the_cascade(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """A message raised before a commit in a handler cannot be handled after it: an error."""

    async def register(command: RegisterBook, uow: Any) -> None:
        await raise_in(uow, BookRegistered())
        await uow.commit()

    bus.add_listener(RegisterBook, register)
    with pytest.raises(TransactionError, match=r"already closed \(committed\)"):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)


async def test_a_failed_handle_leaves_no_messages_behind(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """The rest of its cascade is dropped, even if the transaction is then committed."""

    async def fail(event: BookRegistered, uow: AsyncLibrary) -> None:
        await raise_in(uow, BookBorrowed())
        raise ValueError(event.id)

    async def register(command: RegisterBook, uow: AsyncLibrary) -> None:
        await raise_in(uow, BookBorrowed())
        raise ValueError(command.id)

    bus.add_listener(BookRegistered, fail)
    bus.add_listener(RegisterBook, register)
    for work in (uow, AsyncLibrary()):
        async with work as transaction:
            for message in (BookRegistered(id="1"), RegisterBook(id="1")):
                with pytest.raises(ValueError, match="1"):
                    await bus.handle(message, transaction)
            await bus.handle(ShelfCounted(id="1"), transaction)
            await transaction.commit()

    assert [ShelfCounted(id="1")] == eventstore.added

"""The rules of *handle*, on its fast path and on the general one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from messagebus import (
    AsyncDependency,
    AsyncEventstreamPublisher,
    AsyncMessageBus,
    AsyncSinkholeEventstoreRepository,
    AsyncSinkholeEventstreamTransport,
    AsyncUnitOfWorkTransaction,
    ConfigurationError,
    Message,
)
from messagebus.service.causation import Received
from tests._async.fakes import AsyncLibrary
from tests.library import (
    Book,
    BookBorrowed,
    BookRegistered,
    BorrowBook,
    RareBookRegistered,
    RegisterBook,
    Shelve,
    ShelveTwice,
)

Bus = AsyncMessageBus[Any]
Transaction = AsyncUnitOfWorkTransaction[Any]

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Interruption(BaseException):
    """Stops a program, as a cancellation does."""


class Notes:
    """The observations of a rule, with identifiers replaced by the order of their appearance."""

    def __init__(self, *, received: bool = False) -> None:
        self.received = received
        self.lines: list[object] = []
        self._numbers: dict[str, int] = {}

    def add(self, *facts: object) -> None:
        """Write a line."""
        self.lines.append(tuple(map(self._plain, facts)))

    def chain(self, transaction: Transaction) -> None:
        """Write down the message being handled and the chain that led to it."""
        message = transaction.message
        handled = None if message is None else message.message_id
        self.add(message, handled, transaction.causation_id, transaction.correlation_id)

    def _plain(self, fact: object) -> object:
        if isinstance(fact, UUID):
            return self._number(str(fact))
        if isinstance(fact, str):
            return ID.sub(lambda found: f"#{self._number(found[0])}", fact)
        return fact

    def _number(self, id: str) -> int:
        return self._numbers.setdefault(id, len(self._numbers))


async def handle(bus: Bus, message: Message[Any], tx: Transaction, notes: Notes) -> None:
    """Handle a message, and write down the result or the error."""
    bus._listeners.find_route(message)  # the fast path is open once the route is cached
    if notes.received and tx.message is None:
        tx.received = Received(message)
    try:
        notes.add("result", await bus.handle(message, tx))
    except BaseException as error:  # noqa: BLE001 - an interruption is one of the outcomes
        notes.add("error", type(error), str(error), *getattr(error, "__notes__", ()))


def raises(*messages: Message[Any], error: BaseException | None = None) -> Callable[..., Any]:
    """Return a handler that raises messages, and then perhaps an error."""

    async def handler(command: Any, uow: Any) -> Book:
        book = Book(id="1", title=type(command).__name__)
        book.messages.extend(messages)
        await uow.books.add(book)
        if error is not None:
            raise error
        return book

    return handler


def hears(notes: Notes, name: str) -> Callable[..., Any]:
    """Return a listener that writes down what it hears and why."""

    async def listener(event: Any, uow: Any) -> None:
        notes.add(name, event)
        notes.chain(uow)

    return listener


async def the_result_is_that_of_the_handler(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(RegisterBook, raises())
    await handle(bus, RegisterBook(id="1"), tx, notes)
    await handle(bus, RegisterBook(id="2"), tx, notes)


async def a_base_class_handles_a_subclass(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(Shelve, raises())
    await handle(bus, ShelveTwice(), tx, notes)


async def an_event_goes_to_all_listeners(bus: Bus, tx: Transaction, notes: Notes) -> None:
    for name in ("first", "second"):
        bus.add_listener(BookRegistered, hears(notes, name))
    await handle(bus, RareBookRegistered(), tx, notes)


async def raised_messages_are_handled_in_order(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(RegisterBook, raises(BookRegistered(), BorrowBook(id="1"), BookRegistered()))
    bus.add_listener(BorrowBook, raises(BookBorrowed()))
    bus.add_listener(BookRegistered, hears(notes, "registered"))
    bus.add_listener(BookBorrowed, hears(notes, "borrowed"))
    await handle(bus, RegisterBook(id="1"), tx, notes)


async def messages_raised_before_are_handled(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(Shelve, raises())
    bus.add_listener(BookRegistered, hears(notes, "registered"))
    await raises(BookRegistered())(Shelve(), tx)
    await handle(bus, Shelve(), tx, notes)


async def a_handler_knows_its_message_and_cause(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(Shelve, hears(notes, "handler"))
    await handle(bus, Shelve(), tx, notes)
    notes.chain(tx)


async def an_error_drops_what_was_raised(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(RegisterBook, raises(BookRegistered(), error=ValueError("refused")))
    bus.add_listener(Shelve, raises())
    bus.add_listener(BookRegistered, hears(notes, "registered"))
    await handle(bus, RegisterBook(id="1"), tx, notes)
    notes.chain(tx)
    await handle(bus, Shelve(), tx, notes)


async def an_interruption_drops_it_as_well(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(RegisterBook, raises(BookRegistered(), error=Interruption("now")))
    bus.add_listener(Shelve, raises())
    bus.add_listener(BookRegistered, hears(notes, "registered"))
    await handle(bus, RegisterBook(id="1"), tx, notes)
    await handle(bus, Shelve(), tx, notes)


async def a_failing_listener_ends_the_cascade(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(RegisterBook, raises(BookRegistered(), BookBorrowed()))
    bus.add_listener(BookRegistered, raises(error=ValueError("refused")))
    bus.add_listener(BookBorrowed, hears(notes, "borrowed"))
    await handle(bus, RegisterBook(id="1"), tx, notes)
    notes.chain(tx)


async def a_nested_handle_is_part_of_the_cascade(bus: Bus, tx: Transaction, notes: Notes) -> None:
    async def register(command: RegisterBook, uow: Any) -> str:
        await handle(bus, BorrowBook(id="1"), uow, notes)
        notes.chain(uow)
        return "outer"

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BorrowBook, hears(notes, "nested"))
    await handle(bus, RegisterBook(id="1"), tx, notes)


async def a_message_may_be_handled_within_itself(bus: Bus, tx: Transaction, notes: Notes) -> None:
    others = [True]

    async def listen(event: BookRegistered, uow: Any) -> None:
        if others:
            others.clear()
            await bus.handle(event, uow)
        notes.chain(uow)

    bus.add_listener(BookRegistered, listen)
    await handle(bus, BookRegistered(), tx, notes)


async def a_nested_error_leaves_the_outer_messages(bus: Bus, tx: Transaction, notes: Notes) -> None:
    async def register(command: RegisterBook, uow: Any) -> str:
        await raises(BookRegistered())(command, uow)
        await handle(bus, BorrowBook(id="1"), uow, notes)
        return "outer"

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BorrowBook, raises(error=ValueError("refused")))
    bus.add_listener(BookRegistered, hears(notes, "registered"))
    await handle(bus, RegisterBook(id="1"), tx, notes)


async def a_handler_that_commits_ends_the_cascade(bus: Bus, tx: Transaction, notes: Notes) -> None:
    async def register(command: RegisterBook, uow: Any) -> None:
        await raises(BookRegistered())(command, uow)
        await uow.commit()

    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, hears(notes, "registered"))
    await handle(bus, RegisterBook(id="1"), tx, notes)
    await handle(bus, RegisterBook(id="2"), tx, notes)


async def a_chain_of_causes_has_a_limit(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.max_depth = 3
    bus.add_listener(Shelve, raises(BookRegistered()))
    bus.add_listener(BookRegistered, raises(BookBorrowed()))
    bus.add_listener(BookBorrowed, raises(BookRegistered()))
    await handle(bus, Shelve(), tx, notes)


async def only_messages_can_be_raised(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(Shelve, raises("a string"))  # type: ignore[arg-type]
    await handle(bus, Shelve(), tx, notes)


async def a_dependency_of_the_transaction_hears_its_end(
    bus: Bus, tx: Transaction, notes: Notes
) -> None:
    class Watcher(AsyncDependency):
        async def on_after_commit(self) -> None:
            notes.add("committed")

        async def on_after_rollback(self) -> None:
            notes.add("rolled back")

    async def shelve(command: Shelve, uow: Transaction) -> None:
        uow.add_dependency(Watcher())

    bus.add_listener(Shelve, shelve)
    await handle(bus, Shelve(), tx, notes)
    await tx.commit()


async def an_ended_transaction_is_refused(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(Shelve, raises())
    await tx.commit()
    await handle(bus, Shelve(), tx, notes)


async def a_detached_transaction_handles_no_more(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(Shelve, raises(BookRegistered()))
    await tx.detach()
    await handle(bus, Shelve(), tx, notes)
    await tx.close()


async def a_replaced_handler_is_found(bus: Bus, tx: Transaction, notes: Notes) -> None:
    before = raises()
    bus.add_listener(Shelve, before)
    await handle(bus, Shelve(), tx, notes)
    bus.remove_listener(Shelve, before)
    bus.add_listener(Shelve, hears(notes, "after"))
    await handle(bus, Shelve(), tx, notes)


async def listeners_may_be_added_meanwhile(bus: Bus, tx: Transaction, notes: Notes) -> None:
    async def register(command: RegisterBook, uow: Any) -> str:
        bus.add_listener(BookBorrowed, hears(notes, "borrowed"))
        return "registered"

    async def shelve(command: Shelve, uow: Any) -> None:
        bus.add_listener(BookBorrowed, hears(notes, "borrowed as well"))
        text = "refused"
        raise ValueError(text)

    bus.add_listener(RegisterBook, register)
    bus.add_listener(Shelve, shelve)
    await handle(bus, RegisterBook(id="1"), tx, notes)
    await handle(bus, Shelve(), tx, notes)


async def an_event_has_no_result(bus: Bus, tx: Transaction, notes: Notes) -> None:
    bus.add_listener(BookRegistered, raises(BookBorrowed()))
    bus.add_listener(BookBorrowed, hears(notes, "borrowed"))
    await handle(bus, BookRegistered(), tx, notes)


async def what_would_not_run_is_refused(bus: Bus, tx: Transaction, notes: Notes) -> None:
    async def listen(event: BookRegistered, uow: Any) -> Any:
        return (each for each in [event])

    bus.add_listener(BookRegistered, listen)
    await handle(bus, BookRegistered(), tx, notes)


async def an_error_has_its_listener(bus: Bus, tx: Transaction, notes: Notes) -> None:
    def listen(event: BookRegistered, uow: Any) -> Any:
        return (each for each in [event])

    bus.add_listener(BookRegistered, listen)
    event = BookRegistered()
    bus._listeners.find_route(event)
    if notes.received:
        tx.received = Received(event)
    with pytest.raises(ConfigurationError) as failure:
        await bus.handle(event, tx)
    notes.add(failure.value.listener is listen)


RULES = [
    an_error_has_its_listener,
    listeners_may_be_added_meanwhile,
    an_event_has_no_result,
    what_would_not_run_is_refused,
    the_result_is_that_of_the_handler,
    a_base_class_handles_a_subclass,
    an_event_goes_to_all_listeners,
    raised_messages_are_handled_in_order,
    messages_raised_before_are_handled,
    a_handler_knows_its_message_and_cause,
    an_error_drops_what_was_raised,
    an_interruption_drops_it_as_well,
    a_failing_listener_ends_the_cascade,
    a_nested_handle_is_part_of_the_cascade,
    a_message_may_be_handled_within_itself,
    a_nested_error_leaves_the_outer_messages,
    a_handler_that_commits_ends_the_cascade,
    a_chain_of_causes_has_a_limit,
    only_messages_can_be_raised,
    a_dependency_of_the_transaction_hears_its_end,
    an_ended_transaction_is_refused,
    a_detached_transaction_handles_no_more,
    a_replaced_handler_is_found,
]


def stored() -> AsyncLibrary:
    """Return a unit of work with an eventstore."""
    return AsyncLibrary(AsyncSinkholeEventstoreRepository())


async def observe(
    rule: Callable[..., Any], uow: AsyncLibrary, *, received: bool = False, general: bool = False
) -> list[object]:
    """Run a rule in a transaction of a unit of work, and return what it has observed."""
    notes, bus = Notes(received=received), AsyncMessageBus[Any]()
    if general:
        bus._listeners.keep_whole()
    async with uow as transaction:
        await rule(bus, transaction, notes)
        if transaction.status.value == "running":
            await transaction.rollback()
    notes.add(*uow.ended)
    return notes.lines


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_both_paths_of_handle_obey_the_same_rules(rule: Callable[..., Any]) -> None:
    """A command whose handler takes no dependency, with and without an eventstore."""
    fast = await observe(rule, AsyncLibrary())
    general = await observe(rule, stored())

    assert fast
    assert fast == general


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_both_paths_obey_them_with_messages_that_were_received(
    rule: Callable[..., Any],
) -> None:
    """Nothing is stored of such a message, but of what it leads to."""
    fast = await observe(rule, stored(), received=True)
    general = await observe(rule, stored(), received=True, general=True)

    assert fast
    assert fast == general


async def test_the_fast_path_is_taken_where_nothing_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the comparison of the two paths would compare one with itself."""
    taken: list[bool] = []
    fast_path = AsyncMessageBus._handle_alone

    async def counted(self: Bus, *args: Any) -> Any:
        taken.append(True)
        return await fast_path(self, *args)

    monkeypatch.setattr(AsyncMessageBus, "_handle_alone", counted)

    await observe(the_result_is_that_of_the_handler, AsyncLibrary())
    assert [True, True] == taken
    await observe(the_result_is_that_of_the_handler, stored())
    assert [True, True] == taken
    await observe(the_result_is_that_of_the_handler, stored(), received=True)
    assert [True] * 4 == taken
    await observe(the_result_is_that_of_the_handler, stored(), received=True, general=True)
    assert [True] * 4 == taken


def another(transaction: Transaction, _: Message[Any]) -> None:
    transaction.received = Received(Shelve())


def for_one_listener(transaction: Transaction, message: Message[Any]) -> None:
    transaction.received = Received(message, None, "elsewhere.listen")


def in_time(transaction: Transaction, message: Message[Any]) -> None:
    transaction.received = Received(message)
    transaction.deadline = time.monotonic() + 60.0


def published(transaction: Transaction, message: Message[Any]) -> None:
    transaction.received = Received(message)
    publisher = AsyncEventstreamPublisher(AsyncSinkholeEventstreamTransport())
    transaction.use_eventstore(AsyncSinkholeEventstoreRepository(publisher))


@pytest.mark.parametrize("prepare", [another, for_one_listener, in_time, published])
async def test_the_general_path_serves_whatever_is_more_than_a_call(
    prepare: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What must be stored, is for one listener alone, or has a deadline."""
    bus, message = AsyncMessageBus[Any](), BookRegistered()
    bus.add_listener(BookRegistered, raises())
    bus._listeners.find_route(message)
    monkeypatch.delattr(AsyncMessageBus, "_handle_alone")
    async with stored() as transaction:
        prepare(transaction, message)
        with suppress(ConfigurationError):
            await bus.handle(message, transaction)
        await transaction.rollback()

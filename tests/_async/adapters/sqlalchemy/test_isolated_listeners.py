"""Isolated listeners on a database: the savepoint, the dead letter, and its replay."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from messagebus import AsyncMessageBus, ConfigurationError
from messagebus.adapters.sqlalchemy import AsyncDeadLetters, AsyncMessageHistory
from messagebus.exceptions import DuplicateMessageError
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, register, stored, stored_titles
from tests.library import Book, BookRegistered, RegisterBook, ShelfCounted
from tests.running.aio import AsyncEngine

LISTENER = f"{__name__}.label"


class Labelling:
    """Whether the listener fails."""

    fails = True
    called = 0


async def label(event: BookRegistered, uow: AsyncShelves) -> None:
    """Store a label, raise an event, and fail where the database refuses it."""
    Labelling.called += 1
    book = Book(id=f"label {event.id}", title="label")
    book.messages.append(ShelfCounted(id="label"))
    await uow.books.add(book)
    if Labelling.fails:
        await uow.session.execute(sa.text("INSERT INTO books (id) VALUES (NULL)"))


async def note(event: BookRegistered, uow: AsyncShelves) -> None:
    """Store a note, which needs a transaction that still works."""
    await uow.books.add(Book(id=f"note {event.id}", title="note"))


@pytest.fixture
def bus() -> AsyncMessageBus[Any]:
    """Return a bus whose listeners of the event are isolated; one fails."""
    Labelling.fails, Labelling.called = True, 0
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="isolate")
    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, label)
    bus.add_listener(BookRegistered, note)
    return bus


async def test_a_statement_that_fails_in_an_isolated_listener_undoes_it_alone(
    bus: AsyncMessageBus[Any], engine: AsyncEngine
) -> None:
    """The command, the other listener and the dead letter are committed together."""
    await bus.execute(RegisterBook(id="1", title="Emma"), AsyncShelves(engine))

    assert ["Emma", "note"] == await stored_titles(engine)
    assert ["register_book", "book_registered"] == [each.name for each in await stored(engine)]
    [letter] = await AsyncDeadLetters(engine).list()
    assert (LISTENER, f"listener:{LISTENER}") == (letter.listener, letter.consumer)
    assert ("book_registered_v1", 1, "eventstore") == (letter.type, letter.attempts, letter.origin)
    assert "IntegrityError" in letter.error_type
    assert "label was handling BookRegistered" in letter.error
    [event] = [each for each in await stored(engine) if each.name == "book_registered"]
    assert letter.message is not None
    assert str(event.correlation_id) == letter.message["correlation_id"]
    assert str(event.causation_id) == letter.message["causation_id"]


async def test_its_dead_letter_is_replayed_by_that_listener_alone(
    bus: AsyncMessageBus[Any], engine: AsyncEngine
) -> None:
    """The other listeners have had their effect, and the event is not stored again."""
    await bus.execute(RegisterBook(id="1", title="Emma"), AsyncShelves(engine))
    letters = AsyncDeadLetters(engine)
    [letter] = await letters.list()

    failed = await letters.replay(bus, lambda: AsyncShelves(engine), [letter.position])
    assert [letter.position] == [*failed.failed]
    [again] = await letters.list()
    assert 2 == again.attempts

    Labelling.fails = False
    done = await letters.replay(bus, lambda: AsyncShelves(engine), [letter.position])

    assert [letter.position] == done.handled
    assert [] == await letters.list()
    assert ["Emma", "label", "note"] == sorted(await stored_titles(engine))
    names = [each.name async for each in AsyncMessageHistory(engine).records()]
    assert ["register_book", "book_registered", "shelf_counted"] == names
    assert 3 == Labelling.called


async def test_a_dead_letter_of_a_listener_that_is_gone_stays(
    bus: AsyncMessageBus[Any], engine: AsyncEngine
) -> None:
    """The error names the listener."""
    await bus.execute(RegisterBook(id="1", title="Emma"), AsyncShelves(engine))
    letters = AsyncDeadLetters(engine)
    bus.remove_listener(BookRegistered, label)

    replayed = await letters.replay(
        bus, lambda: AsyncShelves(engine), [(await letters.list())[0].position]
    )

    [error] = replayed.failed.values()
    assert isinstance(error, ConfigurationError)
    assert LISTENER in str(error)
    assert 1 == len(await letters.list())


async def test_a_listener_that_fails_on_the_same_event_again_leaves_one_letter(
    bus: AsyncMessageBus[Any], engine: AsyncEngine
) -> None:
    """The message is the same, so a second transaction cannot store it at all."""
    event = BookRegistered(id="1")
    await bus.execute(event, AsyncShelves(engine))
    with pytest.raises((DuplicateMessageError, sa.exc.IntegrityError)):
        await bus.execute(event, AsyncShelves(engine))
    assert 1 == len(await AsyncDeadLetters(engine).list())


class Labeller:
    """A listener that is a method, and may fail."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.called = 0

    async def label(self, event: BookRegistered, uow: AsyncShelves) -> None:
        """Count the call, and fail."""
        self.called += 1
        if self.fails:
            raise ValueError


async def test_the_same_method_of_another_object_is_another_listener(engine: AsyncEngine) -> None:
    """A letter is replayed by the one that has failed."""
    labellers = Labeller(fails=False), Labeller(fails=True), Labeller(fails=True)
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="isolate")
    for each in labellers:
        bus.add_listener(BookRegistered, each.label)
    await bus.execute(BookRegistered(id="1"), AsyncShelves(engine))
    letters = AsyncDeadLetters(engine)
    [first, second] = await letters.list()
    assert ["label#2", "label#3"] == [each.consumer.rpartition(".")[2] for each in (first, second)]

    labellers[1].fails = False
    await letters.replay(bus, lambda: AsyncShelves(engine), [first.position])

    assert [1, 2, 1] == [each.called for each in labellers]

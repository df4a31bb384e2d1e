"""Dead letters: shown, edited, discarded, and replayed once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from messagebus import AsyncAbstractUnitOfWork, AsyncMessageBus, ConfigurationError, Event
from messagebus.adapters.sqlalchemy import (
    AsyncDeadLetters,
    AsyncOutbox,
    DeadLetterFilter,
    StoredDeadLetter,
    async_create_tables,
)
from messagebus.exceptions import UnknownMessageTypeError, UnreadableMessageError
from messagebus.inbox.dead_letter import DeadLetter
from messagebus.inbox.delivery import Delivery
from messagebus.serialization.serializer import MessageSerializer
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, stored, stored_titles
from tests.library import Book, BookBorrowed, BookRegistered
from tests.running.aio import AsyncEngine, new_engine, sqlite_url, together

CONSUMER = "billing"
ALL = DeadLetterFilter()


class Shop:
    """Handlers that store a title, raise an event, and refuse some identifiers."""

    def __init__(self, *refused: str) -> None:
        self.refused = set(refused)
        self.heard: list[str] = []
        self.bus = AsyncMessageBus[Any]()

        async def store(event: BookBorrowed, uow: AsyncShelves) -> None:
            self.heard.append(event.id)
            book = Book(id=event.id, title=f"title {event.id}")
            book.messages.append(BookRegistered(id=event.id))
            await uow.books.add(book)
            if event.id in self.refused:
                raise ValueError(event.id)

        self.bus.add_listener(BookBorrowed, store)


async def bury(
    engine: AsyncEngine, *events: Event, consumer: str = CONSUMER, **changes: Any
) -> list[StoredDeadLetter]:
    """Bury events; return all dead letters."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        for event in events:
            wire: dict[str, Any] = {**MessageSerializer().serialize_message(event), **changes}
            delivery = Delivery(wire, b"bytes", {"h": "1"}, "redis shop 1-0")
            letter = DeadLetter(
                consumer, event.message_id, delivery, 5, "shop.NoStock", "no stock of 100%"
            )
            await uow.inbox.bury(letter)
        await transaction.commit()
    return [*await AsyncDeadLetters(engine).list()]


async def positions(
    engine: AsyncEngine, matching: DeadLetterFilter = ALL, **page: int
) -> list[int]:
    """Return the positions of dead letters."""
    letters = await AsyncDeadLetters(engine).list(matching=matching, **page)
    return [letter.position for letter in letters]


async def test_a_list_of_letters_is_read_before_its_connection_is_given_back(
    engine: AsyncEngine, database_url: str
) -> None:
    """A connection that its pool closes, or gives to another thread, is not read any more."""
    letters = await bury(engine, BookBorrowed(id="1"), BookBorrowed(id="2"))
    unpooled = new_engine(database_url, poolclass=NullPool)

    assert letters == [*await AsyncDeadLetters(unpooled).list()]
    await unpooled.dispose()


async def is_marked(engine: AsyncEngine, id: UUID) -> bool:
    """Tell whether a message is marked."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        new = await uow.inbox.mark(CONSUMER, [id])
        await transaction.rollback()
    return not new


async def test_a_dead_letter_has_everything_that_is_known(engine: AsyncEngine) -> None:
    """The bytes as they came, the message, the error, and when and where from."""
    event = BookBorrowed(id="1")
    (letter,) = await bury(engine, event, ordering_key="shelf")
    assert letter == await AsyncDeadLetters(engine).get(letter.position)
    assert letter.message is not None
    assert str(event.message_id) == letter.message["id"]
    assert ("book_borrowed_v2", "shelf", b"bytes") == (
        letter.type,
        letter.ordering_key,
        letter.body,
    )
    assert event.created_at == letter.created_at
    assert timedelta(minutes=1) > datetime.now(UTC) - letter.buried_at
    assert None is await AsyncDeadLetters(engine).get(letter.position + 1)


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [0, 1, 2]),
    ({"consumer": CONSUMER}, [0, 1]),
    ({"consumer": "nobody"}, []),
    ({"type": "book_borrowed"}, [0, 2]),
    ({"type": "book_borrowed_v2"}, [0, 2]),
    ({"type": "book_borrowed_v"}, []),
    ({"type": "book"}, []),
    ({"type": "book%"}, []),
    ({"error_type": "NoStock"}, [0, 1, 2]),
    ({"error_type": "shop.NoStock"}, [0, 1, 2]),
    ({"error_type": "Stock"}, []),
    ({"error": "of 100%"}, [0, 1, 2]),
    ({"error": "n%o"}, []),
    ({"since": LONG_AGO}, [0, 1, 2]),
    ({"until": LONG_AGO}, []),
    ({"since": LONG_AGO, "consumer": "shipping", "type": "book_borrowed"}, [2]),
]


async def test_a_list_ends_before_a_position(engine: AsyncEngine) -> None:
    """The newest letters before a position come first."""
    letters = await bury(engine, *(BookBorrowed(id=id) for id in "123"))
    last = letters[-1].position

    assert [letters[1].position] == await positions(engine, before=last, limit=1)
    assert [letters[1].position, letters[0].position] == await positions(engine, before=last)


async def test_filters_choose_dead_letters(engine: AsyncEngine) -> None:
    """By consumer, type, error and time; what has a special meaning to LIKE has none here."""
    await bury(engine, BookBorrowed(id="1"), BookRegistered(id="2"))
    letters = await bury(engine, BookBorrowed(id="3"), consumer="shipping")
    for fields, expected in FILTERS:
        matching = DeadLetterFilter(**fields)
        found = await positions(engine, matching)
        assert [letters[number].position for number in expected] == found, fields
        selected = await AsyncDeadLetters(engine).select(matching=matching)
        assert len(expected) == selected.count
        assert (selected.oldest is None) is not bool(expected)


async def test_a_message_is_found_and_letters_come_in_pages(engine: AsyncEngine) -> None:
    """A page begins after a position; an identifier may belong to letters of several consumers."""
    events = [BookBorrowed(id=id) for id in "123"]
    await bury(engine, *events)
    letters = await bury(engine, events[0], consumer="shipping")
    of_first = DeadLetterFilter(message_id=events[0].message_id)
    assert [letters[0].position, letters[3].position] == await positions(engine, of_first)
    page = await positions(engine, limit=2)
    assert 2 == len(page)
    assert [letters[2].position, letters[3].position] == await positions(engine, after=page[-1])


async def test_a_time_without_a_zone_is_refused() -> None:
    """It would mean something else on each machine."""
    with pytest.raises(ConfigurationError, match="time zone"):
        DeadLetterFilter(since=datetime(2026, 1, 1))


async def test_a_replayed_letter_has_its_effect_and_is_gone(engine: AsyncEngine) -> None:
    """Neither is the message stored again, nor is the cascade another one; the mark stays."""
    event, first = BookBorrowed(id="1"), uuid4()
    await bury(engine, event, correlation_id=str(first))
    shop = Shop()
    letters = AsyncDeadLetters(engine)
    replayed = await letters.replay(shop.bus, lambda: AsyncShelves(engine), matching=ALL)
    assert 1 == len(replayed.handled)
    assert ["title 1"] == await stored_titles(engine)
    assert [] == await letters.list()
    (record,) = await stored(engine)
    assert ("book_registered", event.message_id, first) == (
        record.name,
        record.causation_id,
        record.correlation_id,
    )
    assert await is_marked(engine, event.message_id)
    assert 1 == (await AsyncOutbox(engine).backlog()).pending


async def test_a_letter_that_fails_again_stays(engine: AsyncEngine) -> None:
    """With its new error and one attempt more, and nothing of the handler's effect."""
    await bury(engine, BookBorrowed(id="1"), BookBorrowed(id="2"))
    shop = Shop("1")
    letters = AsyncDeadLetters(engine)
    replayed = await letters.replay(shop.bus, lambda: AsyncShelves(engine), matching=ALL)
    (left,) = await letters.list()
    assert ([left.position], ["ValueError"]) == (
        [*replayed.failed],
        [type(each).__name__ for each in replayed.failed.values()],
    )
    assert (6, "ValueError") == (left.attempts, left.error_type)
    assert left.error.startswith("1\nThe listener")
    assert "in store" in (left.traceback or "")
    assert b"bytes" == left.body
    assert ["title 2"] == await stored_titles(engine)


async def test_the_order_of_a_key_is_kept(engine: AsyncEngine) -> None:
    """What follows a letter that fails again is passed over, if it has the same key."""
    await bury(engine, *[BookBorrowed(id=id) for id in "12"], ordering_key="a")
    await bury(engine, *[BookBorrowed(id=id) for id in "34"], ordering_key="b")
    letters = await bury(engine, BookBorrowed(id="5"), BookBorrowed(id="6"))
    shop = Shop("1", "5")
    replayed = await AsyncDeadLetters(engine).replay(
        shop.bus, lambda: AsyncShelves(engine), matching=ALL
    )
    assert ["1", "3", "4", "5", "6"] == shop.heard
    assert [letters[1].position] == replayed.passed_over
    assert [letters[0].position, letters[4].position] == [*replayed.failed]


async def test_a_letter_that_two_replay_at_once_is_handled_once(engine: AsyncEngine) -> None:
    """The second one waits, and finds it gone."""
    await bury(engine, *[BookBorrowed(id=str(number)) for number in range(6)])
    shop = Shop()
    letters = AsyncDeadLetters(engine)
    outcomes = await together(
        *[lambda: letters.replay(shop.bus, lambda: AsyncShelves(engine), matching=ALL)] * 2
    )
    assert 6 == sum(len(each.handled) for each in outcomes)
    assert not any(each.failed for each in outcomes)
    assert 6 == len(await stored_titles(engine))


async def test_one_or_some_can_be_replayed(engine: AsyncEngine) -> None:
    """Named by position, at most a number of them; what there is no longer is passed in silence."""
    letters = await bury(engine, *[BookBorrowed(id=id) for id in "1234"])
    named = [letters[1].position, 10_000]
    shop, dead = Shop(), AsyncDeadLetters(engine)
    await dead.replay(shop.bus, lambda: AsyncShelves(engine), named)
    assert ["2"] == shop.heard
    await dead.replay(shop.bus, lambda: AsyncShelves(engine), matching=ALL, limit=2)
    assert ["2", "1", "3"] == shop.heard
    with pytest.raises(ConfigurationError, match="by a filter"):
        await dead.replay(shop.bus, lambda: AsyncShelves(engine))
    with pytest.raises(ConfigurationError, match="by a filter"):
        await dead.discard()


async def test_an_unknown_or_unreadable_message_stays(engine: AsyncEngine) -> None:
    """Its error says what is missing."""
    await bury(engine, BookRegistered(id="1"))
    delivery = Delivery(None, b"\xff")
    uow = AsyncShelves(engine)
    async with uow as transaction:
        await uow.inbox.bury(DeadLetter(CONSUMER, uuid4(), delivery, 1, "ValueError", "?"))
        await transaction.commit()
    replayed = await AsyncDeadLetters(engine).replay(
        Shop().bus, lambda: AsyncShelves(engine), matching=ALL
    )
    unknown, unreadable = replayed.failed.values()
    assert isinstance(unknown, UnknownMessageTypeError)
    assert isinstance(unreadable, UnreadableMessageError)


async def test_an_edited_letter_is_replayed_as_it_is_now(engine: AsyncEngine) -> None:
    """The original bytes stay."""
    (letter,) = await bury(engine, BookRegistered(id="1"))
    letters = AsyncDeadLetters(engine)
    changed = await letters.edit(letter.position, payload='{"id": "9"}', type="book_borrowed_v2")
    assert changed is not None
    assert ("book_borrowed_v2", b"bytes") == (changed.type, changed.body)
    shop = Shop()
    await letters.replay(shop.bus, lambda: AsyncShelves(engine), [letter.position])
    assert ["9"] == shop.heard
    assert None is await letters.edit(letter.position, payload="{}")


async def test_what_could_not_be_read_can_be_written_anew(engine: AsyncEngine) -> None:
    """It needs a type and a payload, and keeps the identifier by which it is marked."""
    id = uuid4()
    uow = AsyncShelves(engine)
    async with uow as transaction:
        delivery = Delivery(None, b"\xff")
        await uow.inbox.bury(DeadLetter(CONSUMER, id, delivery, 1, "ValueError", "?"))
        await transaction.commit()
    letters = AsyncDeadLetters(engine)
    (position,) = await positions(engine)
    with pytest.raises(ConfigurationError, match="could not be read"):
        await letters.edit(position, payload="{}")
    with pytest.raises(ConfigurationError, match="version"):
        await letters.edit(position, payload="{}", type="book_borrowed")
    await letters.edit(position, payload='{"id": "7"}', type="book_borrowed_v2")
    shop = Shop()
    replayed = await letters.replay(shop.bus, lambda: AsyncShelves(engine), matching=ALL)
    assert (["7"], [position]) == (shop.heard, replayed.handled)
    assert id == (await stored(engine))[0].causation_id


async def test_a_discarded_letter_is_gone_and_its_mark_stays(engine: AsyncEngine) -> None:
    """So that the original is not handled, if it comes again."""
    events = [BookBorrowed(id=id) for id in "123"]
    letters = await bury(engine, *events)
    dead = AsyncDeadLetters(engine)
    assert 1 == await dead.discard([letters[0].position])
    assert 0 == await dead.discard([letters[0].position])
    assert 0 == await dead.discard([letters[1].position], matching=DeadLetterFilter(type="x"))
    assert 2 == await dead.discard(matching=DeadLetterFilter(consumer=CONSUMER))
    assert await is_marked(engine, events[0].message_id)


async def test_a_database_that_is_busy_ends_a_replay(engine: AsyncEngine) -> None:
    """No attempt is counted: nothing is wrong with the message."""
    if engine.dialect.name != "postgresql":
        return
    letters = await bury(engine, BookBorrowed(id="1"))
    bus, trials = AsyncMessageBus[Any](), list[str]()

    async def conflict(event: BookBorrowed, uow: AsyncShelves) -> None:
        trials.append(event.id)
        await uow.session.execute(sa.text("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"))

    bus.add_listener(BookBorrowed, conflict)
    dead = AsyncDeadLetters(engine)
    with pytest.raises(sa.exc.OperationalError):
        await dead.replay(bus, lambda: AsyncShelves(engine), matching=ALL)
    assert ["1"] * 3 == trials
    assert letters == await dead.list()


class FailingShelves(AsyncShelves):
    """Fails after its commit, as a hook of a dependency may."""

    async def commit(self) -> None:
        """Commit, then fail."""
        await super().commit()
        raise ValueError("after the commit")


async def test_a_failure_after_the_commit_is_no_failed_attempt(engine: AsyncEngine) -> None:
    """The letter is handled, and the error says so."""
    await bury(engine, BookBorrowed(id="1"))
    dead = AsyncDeadLetters(engine)
    with pytest.raises(ValueError, match="after the commit") as raised:
        await dead.replay(Shop().bus, lambda: FailingShelves(engine), matching=ALL)
    assert "its commit stands" in raised.value.__notes__[0]
    assert [] == await dead.list()


class Nowhere(AsyncAbstractUnitOfWork[Any]):
    """A unit of work that stores nothing."""

    async def commit(self) -> None:
        """Commit."""

    async def rollback(self) -> None:
        """Roll back."""


async def test_another_database_is_refused(engine: AsyncEngine, tmp_path: Path) -> None:
    """Its unit of work could not delete the letter; nothing is handled."""
    await bury(engine, BookBorrowed(id="1"))
    other = new_engine(sqlite_url(tmp_path / "other.db"))
    await async_create_tables(other)
    shop, nowhere = Shop(), cast("Any", Nowhere)
    dead = AsyncDeadLetters(engine)
    with pytest.raises(ConfigurationError, match="does not find"):
        await dead.replay(shop.bus, lambda: AsyncShelves(other), matching=ALL)
    with pytest.raises(ConfigurationError, match="Nowhere is not"):
        await dead.replay(shop.bus, nowhere, matching=ALL)
    assert [] == shop.heard
    await other.dispose()

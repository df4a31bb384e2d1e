"""The clock and the identifiers of new messages, as a test sets them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest

from messagebus import ConfigurationError, Event, GenericEvent, Metadata
from messagebus.testing.envelope import Clock, Identifiers
from tests.library import BookRegistered, Created, RareBookRegistered, RegisterBook

T = TypeVar("T")
LONG_AGO = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)


class Own(Metadata):
    """Metadata of an application."""


class Sold(GenericEvent[Own], Generic[T]):
    """An event of another base, which is generic."""

    thing: T
    metadata: Own = Own(name="sold", schema_version=1)


def test_messages_are_created_at_the_time_of_the_clock() -> None:
    """Of every kind, also of classes that are made meanwhile, and in other threads."""
    created: list[datetime] = []
    with Clock(LONG_AGO):

        class Made(Event):
            metadata: Metadata = Metadata(name="made", schema_version=1)

        created += [RegisterBook(id="1").created_at, RareBookRegistered().created_at]
        created.append(Made().created_at)
        created.append(Created[int](entity=1).created_at)
        created.append(Sold[str](thing="a").created_at)
        created.append(BookRegistered.model_validate({"id": "1"}).created_at)
        thread = threading.Thread(target=lambda: created.append(BookRegistered().created_at))
        thread.start()
        thread.join()
    assert [LONG_AGO] * 7 == created


def test_the_clock_stands_still_until_it_is_set() -> None:
    """A test lets time pass."""
    with Clock(LONG_AGO) as clock:
        assert BookRegistered().created_at == BookRegistered().created_at
        clock.advance(timedelta(minutes=1))
        assert datetime(2000, 1, 1, tzinfo=UTC) == BookRegistered().created_at == clock()
        clock.set(LONG_AGO)
        assert LONG_AGO == BookRegistered().created_at == clock.now


def test_after_the_block_messages_are_created_now() -> None:
    """Also after an error, and clocks nest."""
    with pytest.raises(LookupError), Clock(), Clock(LONG_AGO):
        raise LookupError
    with Clock() as outer:
        with outer, Clock(LONG_AGO):
            assert LONG_AGO == BookRegistered().created_at
        assert outer.now == BookRegistered().created_at
    before = datetime.now(UTC)
    assert before <= BookRegistered().created_at <= datetime.now(UTC)
    assert UTC is BookRegistered().created_at.tzinfo


def test_a_time_without_a_time_zone_is_refused() -> None:
    """No message has one."""
    with pytest.raises(ConfigurationError, match="no time zone"):
        Clock(datetime(2026, 1, 1))


def test_messages_get_the_identifiers_of_a_series() -> None:
    """They are known in advance, and sort in order of creation."""
    with Identifiers() as identifiers:
        messages: list[Any] = [RegisterBook(id="1"), BookRegistered(), Created[int](entity=1)]
        assert [identifiers[number] for number in range(3)] == [
            each.message_id for each in messages
        ]
        assert identifiers[0] < identifiers[1] < identifiers[2]
        assert 7 == identifiers[0].version


def test_a_test_gives_identifiers() -> None:
    """The series goes on after them."""
    with Identifiers() as identifiers:
        identifiers.give(UUID(int=1), UUID(int=2))
        ids = [BookRegistered().message_id for _ in range(3)]
        assert [UUID(int=1), UUID(int=2), identifiers[0]] == ids


def test_after_the_block_identifiers_are_unique() -> None:
    """They are greater than all that were made before the block."""
    before = BookRegistered().message_id
    with Identifiers():
        BookRegistered()
    assert before < BookRegistered().message_id < BookRegistered().message_id

"""Reading back records and messages from a position, a page at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ConfigDict, Field

from messagebus import (
    AsyncMessageBus,
    ConfigurationError,
    Event,
    GenericEvent,
    Message,
    MessageDeserializer,
    Metadata,
    UnknownMessageTypeError,
    UnreadableMessageError,
    UpcastError,
    Upcasters,
)
from messagebus.adapters.sqlalchemy import AsyncMessageHistory
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish
from tests.library import BookBorrowed, BookRegistered, RegisterBook, ShelfCounted
from tests.running.aio import AsyncEngine


class Returned(Event):
    """An event that was called otherwise, and had less to say."""

    id: str
    condition: str = "unknown"
    metadata: Metadata = Metadata(name="book_borrowed", schema_version=2)


class Renewed(Event):
    """A later version of the event."""

    metadata: Metadata = Metadata(name="book_borrowed", schema_version=3)


class Nameless(Event):
    """An event that does not say what it is called."""


class Aliased(Event):
    """An event whose field has another name outside."""

    shelf: str = Field(alias="shelf-mark")
    metadata: Metadata = Metadata(name="aliased", schema_version=1)


async def register(engine: AsyncEngine, bus: AsyncMessageBus[Any], *ids: str) -> None:
    """Register books, each in a transaction."""
    for id in ids:
        async with AsyncShelves(engine) as transaction:
            await bus.handle(RegisterBook(id=id, title=id), transaction)
            await transaction.commit()


async def test_records_come_in_the_order_of_their_position(engine: AsyncEngine) -> None:
    """Whatever the size of a page, every record comes once, and in order."""
    events = await publish(engine, *map(str, range(10)))

    for page_size in (1, 3, 5, 10, 100):
        history = AsyncMessageHistory(engine, page_size=page_size)
        records = [record async for record in history.records()]
        expected = [event.message_id for event in events]
        assert expected == [record.message_id for record in records]


async def test_reading_begins_behind_a_position_and_ends_at_one(engine: AsyncEngine) -> None:
    """A reader that knows how far it has come goes on from there."""
    events = await publish(engine, *map(str, range(6)))
    history = AsyncMessageHistory(engine, page_size=2)
    positions = [record.position async for record in history.records()]

    part = [record async for record in history.records(after=positions[1], until=positions[3])]

    expected = [event.message_id for event in events[2:4]]
    assert expected == [record.message_id for record in part]


async def test_records_are_filtered_by_name(engine: AsyncEngine, bus: AsyncMessageBus[Any]) -> None:
    """Names that were not asked for are left out."""
    await register(engine, bus, "1", "2")
    history = AsyncMessageHistory(engine, page_size=1)

    records = history.records(names=["shelf_counted", "register_book"])

    expected = ["register_book", "shelf_counted"] * 2
    assert expected == [record.name async for record in records]


async def test_a_page_is_read_when_it_is_needed(engine: AsyncEngine) -> None:
    """A reader that stops early has not had everything loaded, and holds no connection."""
    await publish(engine, *map(str, range(10)))
    queries: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            queries.append(statement)

    sa.event.listen(getattr(engine, "sync_engine", engine), "before_cursor_execute", note)
    records = AsyncMessageHistory(engine, page_size=2).records()
    for _ in range(3):
        await anext(records)
    assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]
    await records.aclose()

    assert 2 == len(queries)


async def test_messages_are_of_their_class(engine: AsyncEngine, bus: AsyncMessageBus[Any]) -> None:
    """The class is found by the name and version in the default of its metadata."""
    await register(engine, bus, "1")
    types: list[type[Message[Any]]] = [BookRegistered, RegisterBook, BookBorrowed]

    messages = [each async for each in AsyncMessageHistory(engine).messages(types)]

    assert [RegisterBook(id="1", title="1"), BookRegistered(id="1")] == messages


async def test_a_mapping_tells_the_class_as_well(engine: AsyncEngine) -> None:
    """A mapping names the class where one was renamed, or where several share a name."""
    [event] = await publish(engine, "1")
    types = {("book_borrowed", 2): Returned}

    [read] = [each async for each in AsyncMessageHistory(engine).messages(types)]

    assert "unknown" == getattr(read, "condition", None)
    assert (event.message_id, event.created_at) == (read.message_id, read.created_at)


async def test_a_version_without_a_class_is_not_passed_over(engine: AsyncEngine) -> None:
    """A message of a known name in an unknown version is an error, which says where it is."""
    await publish(engine, "1")
    history = AsyncMessageHistory(engine)

    with pytest.raises(UnknownMessageTypeError) as caught:
        await anext(history.messages([Renewed]))

    error = caught.value
    assert ("book_borrowed", 2, 1) == (error.name, error.schema_version, error.position)


async def test_a_class_has_to_say_its_name(engine: AsyncEngine) -> None:
    """A class without default metadata cannot be found, and two must not be the same."""
    history = AsyncMessageHistory(engine)

    with pytest.raises(ConfigurationError, match="no default metadata"):
        await anext(history.messages([Nameless]))
    with pytest.raises(ConfigurationError, match="are both book_borrowed_v2"):
        await anext(history.messages([BookBorrowed, Returned]))


async def test_metadata_that_a_message_had_of_its_own_come_back(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """What a single message said of itself wins over what its class says now."""
    own = Metadata(name="shelf_counted", schema_version=1, published=True)
    async with uow as transaction:
        await bus.handle(ShelfCounted(metadata=own), transaction)
        await transaction.commit()

    [read] = [each async for each in AsyncMessageHistory(engine).messages([ShelfCounted])]
    assert own == read.metadata


async def test_a_field_with_an_alias_comes_back(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Messages are stored by the names of their fields, and read so."""
    event = Aliased.model_validate({"shelf-mark": "A1"})
    async with uow as transaction:
        await bus.handle(event, transaction)
        await transaction.commit()

    assert [event] == [each async for each in AsyncMessageHistory(engine).messages([Aliased])]


class Lent(Event):
    """What the event is called today, and what it says."""

    id: str
    reader: str
    metadata: Metadata = Metadata(name="book_borrowed", schema_version=3, published=False)


async def test_old_rows_are_read_as_the_class_of_today(engine: AsyncEngine) -> None:
    """By the way of a stream: upcast, with their own identifier and the metadata of the class."""
    upcasters = Upcasters()

    @upcasters.upcast("book_borrowed", from_version=2)
    def add_reader(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "reader": "unknown"}

    [event] = await publish(engine, "1")
    reader = MessageDeserializer([Lent], upcasters)

    [read] = [each async for each in AsyncMessageHistory(engine).messages(reader)]

    assert Lent(id="1", reader="unknown") == read
    assert (event.message_id, event.created_at) == (read.message_id, read.created_at)


async def test_a_failing_upcaster_is_found_by_the_position(engine: AsyncEngine) -> None:
    """Its error says where the message is."""
    upcasters = Upcasters()
    upcasters.upcast("book_borrowed", from_version=2)(lambda payload: payload["reader"])
    await publish(engine, "1")

    with pytest.raises(UpcastError) as caught:
        await anext(AsyncMessageHistory(engine).messages(MessageDeserializer([Lent], upcasters)))
    assert 1 == caught.value.position


async def test_reading_begins_at_a_time(engine: AsyncEngine) -> None:
    """That of creation, with a time zone."""
    events = await publish(engine, *map(str, range(4)))
    history = AsyncMessageHistory(engine, page_size=2)

    read = [each async for each in history.messages([BookBorrowed], since=events[2].created_at)]

    assert events[2:] == read
    with pytest.raises(ConfigurationError, match="time zone"):
        await anext(history.records(since=datetime(2020, 1, 1)))


async def test_metadata_that_the_class_no_longer_accepts_are_reported(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """The row is named; nothing is made up."""

    class Strict(Metadata):
        model_config = ConfigDict(extra="forbid")

        reason: str = "none"

    class Wider(Metadata):
        more: int = 1

    class Event1(GenericEvent[Wider]):
        metadata: Wider = Wider(name="metered", schema_version=1)

    class Event2(GenericEvent[Strict]):
        metadata: Strict = Strict(name="metered", schema_version=1)

    async with uow as transaction:
        await bus.handle(Event1(), transaction)
        await transaction.commit()

    with pytest.raises(UnreadableMessageError, match="Event2: its stored metadata do not fit"):
        await anext(AsyncMessageHistory(engine).messages([Event2]))

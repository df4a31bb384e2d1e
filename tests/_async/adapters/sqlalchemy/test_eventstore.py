"""The eventstore: which row a message has, and when it is written."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from messagebus import AsyncMessageBus, Command, Event, Metadata, TransactionError
from messagebus.adapters.sqlalchemy import define_tables
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored
from tests.bookshelf import BookRow
from tests.library import Book, BookBorrowed, BookRegistered, RegisterBook, ShelfCounted
from tests.running.aio import AsyncEngine, create_all


class Signed(Metadata):
    """Metadata that say more."""

    signature: str
    tags: tuple[str, ...] = ()


async def test_a_record_tells_all_about_its_message(engine: AsyncEngine) -> None:
    """Identity, time, schema, kind, metadata, content, and that it waits to be sent."""
    [event] = await publish(engine, "1")

    [record] = await stored(engine)
    assert event.message_id == record.message_id
    assert event.created_at == record.created_at
    assert UTC == record.created_at.tzinfo
    assert ("book_borrowed", 2, "event") == (record.name, record.schema_version, record.kind)
    assert {"name": "book_borrowed", "schema_version": 2, "published": True} == record.metadata
    assert '{"id":"1"}' == record.payload
    assert (True, "pending", 0) == (record.published, record.state, record.attempts)


async def test_a_private_message_is_stored_and_waits_for_nothing(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """What is not published has no state of delivery."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    expected = [
        ("register_book", "command", False, None),
        ("book_registered", "event", True, "pending"),
        ("shelf_counted", "event", False, None),
    ]
    records = await stored(engine)
    assert expected == [(each.name, each.kind, each.published, each.state) for each in records]


async def test_positions_follow_the_order_of_handling(engine: AsyncEngine) -> None:
    """Within a transaction, and from one transaction to the next, positions grow."""
    first = await publish(engine, "1", "2", "3")
    second = await publish(engine, "4", "5")

    records = await stored(engine)
    expected = [event.message_id for event in (*first, *second)]
    assert expected == [record.message_id for record in records]
    positions = [record.position for record in records]
    assert sorted(set(positions)) == positions


async def test_all_messages_of_a_transaction_are_written_by_one_insert(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """However many they are, the messages cost the transaction one statement."""
    inserts: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO messagebus_messages"):
            inserts.append(statement)

    async with uow as transaction:
        connection = await transaction.session.connection()
        target = getattr(connection, "sync_connection", connection)
        sa.event.listen(target, "before_cursor_execute", note)
        for number in range(50):
            await bus.handle(BookBorrowed(id=str(number)), transaction)
        assert [] == inserts
        await transaction.commit()

    assert 1 == len(inserts)
    assert 50 == len(await stored(engine))


async def test_a_cascade_is_stored_with_its_causes(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Each message names the one that raised it, and the first of its cascade."""
    command = RegisterBook(id="1")
    async with uow as transaction:
        await bus.handle(command, transaction)
        await transaction.commit()

    first, second, third = await stored(engine)
    assert (None, command.message_id) == (first.causation_id, first.correlation_id)
    assert (command.message_id, command.message_id) == (second.causation_id, second.correlation_id)
    assert (second.message_id, command.message_id) == (third.causation_id, third.correlation_id)


async def test_a_handler_can_ask_for_the_causes(
    bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """The transaction gives a listener the message that raised the present one."""
    asked: list[tuple[UUID | None, UUID | None]] = []

    async def ask(event: ShelfCounted, uow: Any) -> None:
        asked.append((uow.causation_id, uow.correlation_id))

    bus.add_listener(ShelfCounted, ask)
    command = RegisterBook(id="1")
    async with uow as transaction:
        await bus.handle(command, transaction)
        registered = [row for row in uow.eventstore.rows if row["name"] == "book_registered"]
        await transaction.rollback()

    assert [(registered[0]["message_id"], command.message_id)] == asked


async def test_what_is_handled_within_a_handler_has_it_as_its_cause(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """A nested handle belongs to the cascade around it."""

    async def borrow(event: ShelfCounted, uow: Any) -> None:
        await bus.handle(BookBorrowed(id=event.id), uow)

    bus.add_listener(ShelfCounted, borrow)
    counted = ShelfCounted()
    async with uow as transaction:
        await bus.handle(counted, transaction)
        await transaction.commit()

    borrowed = [record for record in await stored(engine) if record.name == "book_borrowed"]
    causes = [(record.causation_id, record.correlation_id) for record in borrowed]
    assert [(counted.message_id, counted.message_id)] == causes


async def test_metadata_of_a_class_of_ones_own_are_kept(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """All that a subclass of the metadata says is stored, whatever characters it is made of."""

    class Approved(Event):
        metadata: Metadata = Signed(
            name="approved", schema_version=1, signature='ℵ "\\u0000" \\ 🐍', tags=("a", "ü")
        )

    async with uow as transaction:
        await bus.handle(Approved(), transaction)
        await transaction.commit()

    [record] = await stored(engine)
    assert {"signature": 'ℵ "\\u0000" \\ 🐍', "tags": ["a", "ü"]} == {
        name: record.metadata[name] for name in ("signature", "tags")
    }


async def test_a_message_is_stored_as_it_was_when_it_was_handled(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """What happens to the object afterwards changes nothing."""
    event = BookBorrowed(id="1")
    async with uow as transaction:
        await bus.handle(event, transaction)
        event.id = "2"
        await transaction.commit()

    assert ['{"id":"1"}'] == [record.payload for record in await stored(engine)]


async def test_messages_are_taken_in_a_running_transaction_only(uow: AsyncShelves) -> None:
    """A message that would never be written is refused."""
    with pytest.raises(TransactionError, match="running transaction only"):
        await uow.eventstore.add(BookRegistered())


async def test_a_message_that_the_application_adds_by_itself_is_its_own_cause(
    engine: AsyncEngine, uow: AsyncShelves
) -> None:
    """A message that no bus has handled begins a cascade."""
    event = BookRegistered()
    async with uow as transaction:
        await transaction.eventstore.add(event)
        await transaction.commit()

    [record] = await stored(engine)
    assert (None, event.message_id) == (record.causation_id, record.correlation_id)


async def test_the_tables_may_stand_in_the_metadata_of_the_application(
    engine: AsyncEngine, bus: AsyncMessageBus[Any]
) -> None:
    """Tables of other names, defined by the application, are used just so."""
    metadata = sa.MetaData()
    tables = define_tables(metadata, prefix="shop_")
    await create_all(engine, metadata)
    async with AsyncShelves(engine, tables=tables) as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    async with engine.connect() as connection:
        names = await connection.scalars(sa.select(tables.messages.c.name))
        assert ["register_book", "book_registered", "shelf_counted"] == names.all()
    assert "shop_messages" == tables.messages.name
    assert [] == await stored(engine)


async def test_a_thousand_messages_of_one_transaction_are_all_stored(engine: AsyncEngine) -> None:
    """Many messages in one transaction keep their order and their number."""
    events = await publish(engine, *map(str, range(1_000)))

    expected = [event.message_id for event in events]
    assert expected == [record.message_id for record in await stored(engine)]


async def test_what_a_model_raises_while_nobody_listens_is_stored(
    engine: AsyncEngine, uow: AsyncShelves
) -> None:
    """A message is kept with or without a listener."""

    class Tidy(Command):
        metadata: Metadata = Metadata(name="tidy", schema_version=1)

    async def tidy(command: Tidy, uow: Any) -> None:
        book = Book(id="1")
        book.messages.append(BookBorrowed(id="1"))
        uow.books.seen.append(book)

    bus = AsyncMessageBus[Any]()
    bus.add_listener(Tidy, tidy)
    async with uow as transaction:
        await bus.handle(Tidy(), transaction)
        await transaction.commit()

    assert ["tidy", "book_borrowed"] == [record.name for record in await stored(engine)]


async def test_a_message_takes_its_position_after_what_was_changed_is_locked(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Among transactions that change the same row, positions follow the commits."""
    written: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT"):
            written.append(statement.split()[2])

    sa.event.listen(getattr(engine, "sync_engine", engine), "before_cursor_execute", note)
    async with uow as transaction:
        transaction.session.add(BookRow(id="1", title="Dune"))
        await bus.handle(BookBorrowed(), transaction)
        await transaction.commit()

    assert ["books", "messagebus_messages"] == written

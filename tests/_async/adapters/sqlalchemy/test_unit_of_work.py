"""The unit of work: each transaction has a session, which ends with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from messagebus import AsyncMessageBus, ConfigurationError, TransactionError
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork
from messagebus.service._async.unit_of_work import AsyncUnitOfWorkTransaction
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, stored, stored_titles
from tests.bookshelf import BookRow, books
from tests.library import Book, BookRegistered, RegisterBook
from tests.running.aio import (
    AsyncEngine,
    AsyncSession,
    new_session_factory,
    new_unprepared_engine,
    sqlite_url,
)


async def test_what_is_done_and_what_is_handled_is_committed_together(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """A commit keeps the rows of the application and every message of the transaction."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()

    assert ["Dune"] == await stored_titles(engine)
    names = [record.name for record in await stored(engine)]
    assert ["register_book", "book_registered", "shelf_counted"] == names


async def raise_two(command: RegisterBook, uow: AsyncShelves) -> None:
    """Raise an event before a savepoint and one in it; roll it back for the title *undone*."""
    book = Book(id="kept")
    uow.books.seen.append(book)
    book.messages.append(BookRegistered(id="before"))
    savepoint = await uow.session.begin_nested()
    book.messages.append(BookRegistered(id="within"))
    other = Book(id="new")
    other.messages.append(BookRegistered(id="of another"))
    uow.books.seen.append(other)
    if command.title == "undone":
        await savepoint.rollback()
    else:
        await savepoint.commit()


@pytest.mark.parametrize(
    ("title", "expected"), [("undone", ["before"]), ("done", ["before", "within", "of another"])]
)
async def test_a_savepoint_takes_back_what_was_raised_in_it(
    uow: AsyncShelves, title: str, expected: list[str]
) -> None:
    """Only if it is rolled back, and nothing that was raised before."""
    heard: list[str] = []

    async def hear(event: BookRegistered, uow: AsyncShelves) -> None:
        heard.append(event.id)

    bus = AsyncMessageBus[Any]()
    bus.add_listener(RegisterBook, raise_two)
    bus.add_listener(BookRegistered, hear)
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title=title), transaction)
        await transaction.commit()
    assert expected == heard


@pytest.mark.parametrize("depth", [1, 2])
async def test_a_savepoint_takes_back_what_was_handled_in_it(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves, depth: int
) -> None:
    """Neither row nor message is stored; a savepoint that was released in another goes with it."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        outer = await uow.session.begin_nested()
        if depth == 2:
            async with uow.session.begin_nested():
                await bus.handle(RegisterBook(id="2", title="Emma"), transaction)
        else:
            await bus.handle(RegisterBook(id="2", title="Emma"), transaction)
        await outer.rollback()
        await bus.handle(RegisterBook(id="3", title="Ulysses"), transaction)
        await transaction.commit()

    assert ["Dune", "Ulysses"] == await stored_titles(engine)
    names = [record.name for record in await stored(engine)]
    assert 2 * ["register_book", "book_registered", "shelf_counted"] == names


async def test_a_savepoint_that_a_flush_has_rolled_back_takes_its_messages_back(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """The error of the database ends the savepoint before its block is left."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        with pytest.raises(IntegrityError):
            async with uow.session.begin_nested():
                await bus.handle(RegisterBook(id="2", title="Emma"), transaction)
                uow.session.add(BookRow(id="3", title="Dune"))
                await uow.session.flush()
        await transaction.commit()

    assert ["Dune"] == await stored_titles(engine)
    names = [record.name for record in await stored(engine)]
    assert ["register_book", "book_registered", "shelf_counted"] == names


async def test_a_session_that_a_listener_rolls_back_takes_the_messages_back(
    bus: AsyncMessageBus[Any], uow: AsyncShelves, engine: AsyncEngine
) -> None:
    """Whatever was handled and raised before has lost its data; what comes later is kept."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Emma"), transaction)
        lost = Book(id="2", title="Persuasion")
        lost.messages.append(BookRegistered(id="2"))
        await uow.books.add(lost)
        await transaction.session.rollback()
        await bus.handle(RegisterBook(id="3", title="Sanditon"), transaction)
        await transaction.commit()

    assert ["Sanditon"] == await stored_titles(engine)
    names = [record.name for record in await stored(engine)]
    assert ["register_book", "book_registered", "shelf_counted"] == names


async def test_a_rollback_keeps_neither(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """A transaction that is rolled back leaves no row and no message."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()

    assert ([], []) == (await stored_titles(engine), await stored(engine))


async def test_an_error_keeps_neither(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """A transaction that is left by an error leaves no row and no message."""
    with pytest.raises(LookupError):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            raise LookupError

    assert ([], []) == (await stored_titles(engine), await stored(engine))


async def test_a_transaction_that_was_not_decided_keeps_neither(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Leaving a transaction without a word is an error, and rolls it back."""
    with pytest.raises(TransactionError):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)

    assert ([], []) == (await stored_titles(engine), await stored(engine))


async def test_nothing_of_a_transaction_is_carried_into_the_next(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """One unit of work runs transactions one after the other, each with its own messages."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()
    async with uow as transaction:
        await bus.handle(RegisterBook(id="2", title="Emma"), transaction)
        await transaction.commit()

    assert ["Emma"] == await stored_titles(engine)
    assert 3 == len(await stored(engine))


async def test_every_transaction_has_a_session_of_its_own(uow: AsyncShelves) -> None:
    """The session, and the repositories that are attached to it, are new each time."""
    async with uow as transaction:
        first = (uow.session, uow.books)
        assert uow.session is transaction.books.session
        await transaction.rollback()
    async with uow as transaction:
        second = (uow.session, uow.books)
        await transaction.rollback()

    assert first[0] is not second[0]
    assert first[1] is not second[1]


async def test_the_session_lives_until_the_transaction_is_left(
    bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Committed rows can still be read within the transaction, but not after it."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()
        assert ["Dune"] == await transaction.books.titles()

    with pytest.raises(InvalidRequestError):
        await uow.books.titles()


async def test_the_session_of_a_detached_transaction_lives_until_it_is_closed(
    engine: AsyncEngine, uow: AsyncShelves
) -> None:
    """A streamed response keeps reading after the block, then returns the connection."""
    async with uow as transaction:
        await transaction.session.execute(sa.insert(books).values(id="1", title="Dune"))
        await transaction.detach()

    assert ["Dune"] == await transaction.books.titles()
    await transaction.close()
    with pytest.raises(InvalidRequestError):
        await uow.books.titles()
    assert [] == await stored_titles(engine)


async def test_no_connection_is_kept_whatever_happens(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Committed, rolled back, failed, not decided: the connection goes back to the pool."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()
    async with uow as transaction:
        await bus.handle(RegisterBook(id="2", title="Emma"), transaction)
        await transaction.rollback()
    with pytest.raises(IntegrityError):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="3", title="Dune"), transaction)
    with pytest.raises(TransactionError):
        async with uow as transaction:
            await transaction.books.titles()

    assert 0 == engine.pool.checkedout()  # type: ignore[attr-defined]


async def test_a_transaction_that_is_entered_by_itself_closes_its_session(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """It makes no difference whether the unit of work or its transaction is entered."""
    async with AsyncUnitOfWorkTransaction(uow) as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()

    with pytest.raises(InvalidRequestError):
        await uow.books.titles()
    assert ["Dune"] == await stored_titles(engine)


async def test_a_commit_that_fails_keeps_nothing(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """What the database refuses with the commit takes the messages with it."""
    with pytest.raises(IntegrityError) as caught:
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
            transaction.session.add_all(
                [BookRow(id="2", title="Emma"), BookRow(id="3", title="Emma")]
            )
            await transaction.commit()

    assert ["Nothing of the transaction is stored, nothing of it will be sent."] == (
        caught.value.__notes__
    )
    assert ([], []) == (await stored_titles(engine), await stored(engine))


async def test_a_commit_that_failed_is_not_tried_again_with_half_of_it(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """After a commit has failed, nothing can be handled, and nothing be committed."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        transaction.session.add_all([BookRow(id="2", title="Emma"), BookRow(id="3", title="Emma")])
        with pytest.raises(IntegrityError):
            await transaction.commit()
        with pytest.raises(TransactionError, match="only be rolled back"):
            await transaction.commit()
        with pytest.raises(TransactionError, match="running transaction only"):
            await bus.handle(BookRegistered(), transaction)
        await transaction.rollback()

    assert ([], []) == (await stored_titles(engine), await stored(engine))


async def test_objects_of_the_orm_can_be_used(engine: AsyncEngine) -> None:
    """What is added to the session is stored, and stays readable after the commit."""
    row = BookRow(id="1", title="Dune")
    async with AsyncSQLAlchemyUnitOfWork[Any](engine) as transaction:
        transaction.session.add(row)
        await transaction.commit()

    assert "Dune" == row.title
    assert ["Dune"] == await stored_titles(engine)


async def test_the_factory_of_the_application_makes_the_sessions(engine: AsyncEngine) -> None:
    """Sessions have the options of the factory that is given."""
    factory = new_session_factory(engine, info={"from": "the application"})
    async with AsyncShelves(factory) as transaction:
        assert "the application" == transaction.session.info["from"]
        await transaction.rollback()


class AsyncUnattached(AsyncSQLAlchemyUnitOfWork[Any]):
    """A unit of work whose repositories cannot be created."""

    broken = True

    def attach(self, session: AsyncSession) -> None:
        """Fail once."""
        if self.broken:
            self.broken = False
            raise LookupError


async def test_a_transaction_that_cannot_begin_leaves_the_unit_of_work_free(
    engine: AsyncEngine,
) -> None:
    """When attaching fails, the error is seen, and the next transaction can begin."""
    uow = AsyncUnattached(engine)
    with pytest.raises(LookupError):
        async with uow:
            pytest.fail("nothing can be done in a transaction that has not begun")

    async with uow as transaction:
        await transaction.rollback()


async def test_a_second_transaction_does_not_disturb_the_first(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """Entering a unit of work twice is an error, after which the first transaction goes on."""
    async with uow as transaction:
        with pytest.raises(TransactionError, match="still running"):
            async with uow:
                pytest.fail("two transactions would be mixed")
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()

    assert ["Dune"] == await stored_titles(engine)
    assert 3 == len(await stored(engine))


async def test_who_asks_is_told_of_published_messages(
    engine: AsyncEngine, bus: AsyncMessageBus[Any]
) -> None:
    """The callback is called after commits that have something to send, and no others."""
    calls: list[str] = []
    uow = AsyncShelves(engine, on_published=lambda: calls.append("published"))
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.rollback()
    async with uow as transaction:
        await transaction.commit()
    assert [] == calls
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()

    assert ["published"] == calls


def test_sqlite_has_to_be_prepared(tmp_path: Path) -> None:
    """An engine that would lose updates is refused, with advice."""
    engine = new_unprepared_engine(sqlite_url(tmp_path / "messages.db"))
    with pytest.raises(ConfigurationError, match="not prepared") as caught:
        AsyncShelves(engine)

    assert "prepare_sqlite(engine)" in caught.value.__notes__[0]

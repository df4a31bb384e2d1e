"""The transaction: its beginning, its end, and its isolation."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus import (
    AsyncMessageBus,
    AsyncUnitOfWorkTransaction,
    PublishError,
    TransactionError,
)
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore, types_of
from tests.library import Book, BookRegistered, RegisterBook, ShelfCounted


class Interruption(BaseException):
    """Stops a program, as a cancellation does."""


async def register(command: RegisterBook, uow: AsyncLibrary) -> Book:
    """Register a book."""
    book = Book(id=command.id, title=command.title)
    book.messages.append(BookRegistered(id=command.id))
    await uow.books.add(book)
    return book


@pytest.fixture
def bus() -> AsyncMessageBus[Any]:
    """Return a bus that registers books."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(RegisterBook, register)
    return bus


async def test_entering_a_unit_of_work_returns_a_running_transaction(uow: AsyncLibrary) -> None:
    """The transaction belongs to the unit of work."""
    async with uow as transaction:
        assert uow is transaction.uow
        assert "running" == transaction.status.value

        await transaction.rollback()


async def test_the_transaction_has_the_attributes_of_the_unit_of_work(uow: AsyncLibrary) -> None:
    """Repositories and eventstore are accessible through the transaction."""
    async with uow as transaction:
        assert uow.books is transaction.books
        eventstores: list[Any] = [uow.eventstore, transaction.eventstore]
        assert eventstores[0].added is eventstores[1].added
        with pytest.raises(AttributeError, match="nothing"):
            transaction.nothing  # noqa: B018

        await transaction.rollback()


async def test_a_committed_transaction_is_closed_when_it_is_left(uow: AsyncLibrary) -> None:
    """Its status is committed, then closed."""
    async with uow as transaction:
        await transaction.commit()

        assert "committed" == transaction.status.value

    assert "closed" == transaction.status.value
    assert ["commit"] == uow.ended


async def test_a_rolled_back_transaction_is_closed_when_it_is_left(uow: AsyncLibrary) -> None:
    """Its status is rolledback, then closed."""
    async with uow as transaction:
        await transaction.rollback()

        assert "rolledback" == transaction.status.value

    assert "closed" == transaction.status.value
    assert ["rollback"] == uow.ended


async def test_leaving_without_a_decision_is_an_error_and_rolls_back(uow: AsyncLibrary) -> None:
    """A missing commit raises, and the transaction is rolled back."""
    with pytest.raises(
        TransactionError,
        match=r"(?m)^Transaction must be explicitly close. Missing commit/rollback call.$",
    ):
        async with uow as transaction:
            pass

    assert ["rollback"] == uow.ended
    assert "closed" == transaction.status.value


@pytest.mark.parametrize("error", [ValueError("refused"), Interruption()])
async def test_any_exception_rolls_back(uow: AsyncLibrary, error: BaseException) -> None:
    """Errors and interruptions roll back, and are raised unchanged."""
    with pytest.raises(type(error)) as caught:
        async with uow as transaction:
            raise error

    assert error is caught.value
    assert ["rollback"] == uow.ended
    assert "rolledback" == transaction.status.value


async def test_a_failing_commit_rolls_back(uow: AsyncLibrary) -> None:
    """The error of the commit is raised."""
    uow.failing = "commit"

    with pytest.raises(OSError, match="no commit"):
        async with uow as transaction:
            await transaction.commit()

    assert ["rollback"] == uow.ended


async def test_a_failing_rollback_leaves_the_unit_of_work_usable(uow: AsyncLibrary) -> None:
    """Its error neither hides an earlier one nor blocks the next transaction."""
    uow.failing = "rollback"
    refused = ValueError("refused")

    with pytest.raises(OSError, match="no rollback") as caught:
        async with uow:
            raise refused

    assert refused is caught.value.__context__

    async with uow as transaction:
        await transaction.commit()

    assert ["commit"] == uow.ended


async def test_an_error_after_the_commit_does_not_undo_it(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """The commit stands, and its messages are published."""
    with pytest.raises(ValueError, match="too late"):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await transaction.commit()
            raise ValueError("too late")

    assert ["commit"] == uow.ended
    assert ["book_registered_v1"] == types_of(transport)


async def test_an_error_after_the_commit_and_one_of_the_transport_are_both_raised(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """Neither of two errors hides the other."""
    transport.fail(ConnectionError())

    with pytest.raises(ExceptionGroup) as caught:
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await transaction.commit()
            raise ValueError("too late")

    assert [ValueError, PublishError] == [type(each) for each in caught.value.exceptions]


async def test_an_interruption_after_the_commit_is_raised_unchanged(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """The failure of the transport becomes a note of the interruption."""
    transport.fail(ConnectionError())

    with pytest.raises(Interruption) as caught:
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await transaction.commit()
            raise Interruption

    assert "stay buffered" in caught.value.__notes__[0]


async def test_an_interruption_is_raised_unchanged_if_the_rollback_fails(uow: AsyncLibrary) -> None:
    """The failure of the rollback becomes a note of the interruption."""
    uow.failing = "rollback"

    with pytest.raises(Interruption) as caught:
        async with uow:
            raise Interruption

    assert ["Besides: OSError: no rollback"] == caught.value.__notes__


async def test_a_transaction_cannot_be_committed_twice(uow: AsyncLibrary) -> None:
    """The second commit is refused, and the error names the status."""
    async with uow as transaction:
        await transaction.commit()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(committed\).$"):
            await transaction.commit()

    assert ["commit"] == uow.ended


async def test_a_committed_transaction_cannot_be_rolled_back(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """The rollback is refused, and does not prevent the publication."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(committed\).$"):
            await transaction.rollback()

    assert ["commit"] == uow.ended
    assert ["book_registered_v1"] == types_of(transport)


async def test_a_rolled_back_transaction_cannot_be_committed(uow: AsyncLibrary) -> None:
    """The commit is refused; a second rollback has no effect."""
    async with uow as transaction:
        await transaction.rollback()
        await transaction.rollback()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(rolledback\).$"):
            await transaction.commit()

    assert ["rollback"] == uow.ended


async def test_a_closed_transaction_refuses_everything(uow: AsyncLibrary) -> None:
    """It can be neither committed nor rolled back, closed or detached."""
    async with uow as transaction:
        await transaction.commit()

    for refused in (transaction.commit, transaction.rollback, transaction.detach):
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(closed\).$"):
            await refused()
    with pytest.raises(TransactionError, match=r"^Transaction is closed.$"):
        await transaction.close()


async def test_a_transaction_is_entered_once(uow: AsyncLibrary) -> None:
    """A running or closed transaction cannot be entered again."""
    transaction = AsyncUnitOfWorkTransaction(uow)
    async with transaction:
        with pytest.raises(TransactionError, match=r"(?m)^Invalid transaction status\.$"):
            await transaction.__aenter__()
        await transaction.commit()

    with pytest.raises(TransactionError, match=r"(?m)^Invalid transaction status\.$"):
        await transaction.__aenter__()


async def test_a_unit_of_work_runs_one_transaction_at_a_time(uow: AsyncLibrary) -> None:
    """A second one is refused, and the first is not disturbed."""
    async with uow as first:
        with pytest.raises(TransactionError, match="still running") as caught:
            await uow.__aenter__()
        with pytest.raises(TransactionError, match="still running"):
            await AsyncUnitOfWorkTransaction(uow).__aenter__()
        assert "AsyncLibrary" in caught.value.__notes__[0]

        assert "running" == first.status.value
        await first.commit()

    async with uow as second:
        await second.rollback()

    assert ["commit", "rollback"] == uow.ended


async def test_handle_needs_a_running_transaction(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary
) -> None:
    """After a commit, a rollback or the end, no message can be handled."""
    async with uow as transaction:
        await transaction.commit()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(committed\).$"):
            await bus.handle(RegisterBook(id="1"), transaction)

    with pytest.raises(TransactionError, match=r"^Transaction already closed \(closed\).$"):
        await bus.handle(RegisterBook(id="1"), transaction)

    async with uow as transaction:
        await transaction.rollback()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(rolledback\).$"):
            await bus.handle(RegisterBook(id="1"), transaction)

    assert {} == uow.books.books


async def test_committed_messages_are_published_in_handling_order(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """They are published in order when the transaction is left, not earlier."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await bus.handle(RegisterBook(id="2"), transaction)
        await transaction.commit()

        assert [] == transport.sent

    assert ['{"id":"1"}', '{"id":"2"}'] == [message["payload"] for message in transport.sent]


async def test_a_rolled_back_transaction_leaves_nothing_to_publish(
    bus: AsyncMessageBus[Any],
    uow: AsyncLibrary,
    eventstore: AsyncRecordingEventstore,
    transport: AsyncRecorder,
) -> None:
    """No later commit publishes the messages of a rolled-back transaction."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()

    async with uow as transaction:
        await transaction.commit()
    await eventstore.publish_eventstream()

    assert [] == transport.sent


async def test_messages_of_a_failed_handler_are_not_handled(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """A rollback drops the messages that are still on models."""

    async def shelve(event: ShelfCounted, uow: AsyncLibrary) -> None:
        book = await uow.books.get("1")
        book.messages.append(BookRegistered(id="raised, then failed"))
        raise ValueError(event.id)

    bus.add_listener(ShelfCounted, shelve)
    await uow.books.add(Book(id="1"))

    with pytest.raises(ValueError, match="1"):
        async with uow as transaction:
            await bus.handle(ShelfCounted(), transaction)
    async with uow as transaction:
        await bus.handle(RegisterBook(id="2"), transaction)
        await transaction.commit()

    assert [RegisterBook(id="2"), BookRegistered(id="2")] == eventstore.added


async def test_a_commit_publishes_nothing_of_another_open_transaction(
    bus: AsyncMessageBus[Any],
    eventstore: AsyncRecordingEventstore,
    transport: AsyncRecorder,
) -> None:
    """Units of work that share an eventstore publish only their own messages."""
    async with AsyncLibrary(eventstore) as outer:
        await bus.handle(RegisterBook(id="outer"), outer)
        async with AsyncLibrary(eventstore) as inner:
            await bus.handle(RegisterBook(id="inner"), inner)
            await bus.handle(RegisterBook(id="outer, too"), outer)
            await inner.commit()
        await eventstore.publish_eventstream()

        assert ['{"id":"inner"}'] == [message["payload"] for message in transport.sent]

        await outer.commit()

    assert ['{"id":"inner"}', '{"id":"outer"}', '{"id":"outer, too"}'] == [
        message["payload"] for message in transport.sent
    ]


async def test_transactions_may_end_in_any_order(
    bus: AsyncMessageBus[Any],
    eventstore: AsyncRecordingEventstore,
    transport: AsyncRecorder,
) -> None:
    """A message is never added to an ended transaction, however two of them interleave."""
    one, two = AsyncLibrary(eventstore), AsyncLibrary(eventstore)
    first = await one.__aenter__()
    second = await two.__aenter__()
    await bus.handle(RegisterBook(id="1"), first)
    await bus.handle(RegisterBook(id="2"), second)
    await first.rollback()
    await one.__aexit__(None, None, None)
    await second.commit()
    await two.__aexit__(None, None, None)
    await eventstore.add(BookRegistered(id="outside"))
    await eventstore.publish_eventstream()

    assert ['{"id":"2"}', '{"id":"outside"}'] == [message["payload"] for message in transport.sent]


async def test_interleaved_transactions_do_not_affect_the_outer_one(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """A message added by hand stays with its transaction, whatever else began and ended."""
    async with AsyncLibrary(eventstore) as outer:
        one, two = AsyncLibrary(eventstore), AsyncLibrary(eventstore)
        for uow in (one, two):
            await (await uow.__aenter__()).commit()
        for uow in (one, two):
            await uow.__aexit__(None, None, None)
        await outer.eventstore.add(BookRegistered(id="outer"))
        await outer.rollback()
    await eventstore.publish_eventstream()

    assert [] == transport.sent


async def test_a_transaction_on_another_eventstore_does_not_interfere(
    uow: AsyncLibrary, eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """A message added by hand belongs to the innermost transaction on its eventstore."""
    async with uow as transaction:
        async with AsyncLibrary(AsyncRecordingEventstore(transport)) as other:
            await transaction.eventstore.add(BookRegistered(id="1"))
            await other.commit()
        await transaction.rollback()
    await eventstore.publish_eventstream()

    assert [] == transport.sent


async def test_an_eventstore_that_is_set_in_a_transaction_belongs_to_it(
    bus: AsyncMessageBus[Any],
    eventstore: AsyncRecordingEventstore,
    transport: AsyncRecorder,
) -> None:
    """A unit of work may set its eventstore when it is entered or later."""
    for decide in ("rollback", "commit"):
        uow = AsyncLibrary()
        async with uow as transaction:
            uow.eventstore = eventstore
            await bus.handle(RegisterBook(id=decide), transaction)
            await transaction.eventstore.add(BookRegistered(id="by hand"))
            await getattr(transaction, decide)()
        await eventstore.publish_eventstream()

    assert ['{"id":"commit"}', '{"id":"by hand"}'] == [each["payload"] for each in transport.sent]


async def test_a_message_that_a_handler_adds_belongs_to_its_transaction(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """It is published or dropped with the other messages of the transaction."""

    async def count(event: ShelfCounted, uow: AsyncLibrary) -> None:
        await uow.eventstore.add(BookRegistered(id=event.id))

    bus.add_listener(ShelfCounted, count)
    async with uow as transaction:
        await bus.handle(ShelfCounted(id="1"), transaction)
        await transaction.rollback()
    async with uow as transaction:
        await transaction.eventstore.add(BookRegistered(id="2"))
        await transaction.rollback()
    async with uow as transaction:
        await bus.handle(ShelfCounted(id="3"), transaction)
        await transaction.commit()

    assert ['{"id":"3"}'] == [message["payload"] for message in transport.sent]


async def test_a_failing_transport_loses_nothing(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """The failed message and those after it stay buffered, in order."""
    transport.fail(ConnectionError(), after=1)

    with pytest.raises(PublishError) as caught:
        async with uow as transaction:
            for id in "123":
                await bus.handle(RegisterBook(id=id), transaction)
            await transaction.commit()

    assert (BookRegistered(id="2"), RegisterBook(id="3"), BookRegistered(id="3")) == (
        caught.value.messages
    )
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert "closed" == transaction.status.value

    async with uow as transaction:
        await bus.handle(RegisterBook(id="4"), transaction)
        await transaction.commit()

    assert ['{"id":"1"}', '{"id":"2"}', '{"id":"3"}', '{"id":"4"}'] == [
        message["payload"] for message in transport.sent
    ]


async def test_a_detached_transaction_outlives_its_block(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """It stays open after detach, and close publishes the committed messages."""
    async with uow as transaction:
        await transaction.detach()

    assert "streaming" == transaction.status.value
    await bus.handle(RegisterBook(id="1"), transaction)
    await transaction.commit()
    assert [] == transport.sent
    await transaction.close()

    assert ["commit"] == uow.ended
    assert ["book_registered_v1"] == types_of(transport)
    assert "closed" == transaction.status.value


async def test_closing_a_detached_transaction_rolls_it_back(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """Without a commit, close rolls back and frees the unit of work."""
    async with uow as transaction:
        await transaction.detach()
    await bus.handle(RegisterBook(id="1"), transaction)
    with pytest.raises(TransactionError, match="still running"):
        await uow.__aenter__()
    await transaction.close()

    assert ["rollback"] == uow.ended
    assert [] == transport.sent
    async with uow as transaction:
        await transaction.rollback()


async def test_a_commit_inside_the_block_waits_for_close_once_it_is_detached(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """A detached transaction ends only with close."""
    async with uow as transaction:
        await transaction.detach()
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    assert [] == transport.sent
    await transaction.close()

    assert ["book_registered_v1"] == types_of(transport)


async def test_an_error_ends_a_detached_transaction_too(uow: AsyncLibrary) -> None:
    """If the block fails after detach, the transaction ends with it."""
    with pytest.raises(ValueError, match="no stream"):
        async with uow as transaction:
            await transaction.detach()
            raise ValueError("no stream")

    assert ["rollback"] == uow.ended
    assert "rolledback" == transaction.status.value


async def test_closing_a_running_transaction_by_hand_needs_a_decision(uow: AsyncLibrary) -> None:
    """Close without detach, commit or rollback is as wrong as leaving without a decision."""
    transaction = await uow.__aenter__()

    with pytest.raises(TransactionError, match="Missing commit/rollback call"):
        await transaction.close()

    assert ["rollback"] == uow.ended

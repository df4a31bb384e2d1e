"""The transaction: how it begins, ends, and what it keeps apart."""

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
    """What stops a program, as a cancellation does."""


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


async def test_entering_a_unit_of_work_gives_a_running_transaction(uow: AsyncLibrary) -> None:
    """A unit of work hands out a transaction of itself, which is running."""
    async with uow as transaction:
        assert uow is transaction.uow
        assert "running" == transaction.status.value

        await transaction.rollback()


async def test_the_transaction_has_the_attributes_of_the_unit_of_work(uow: AsyncLibrary) -> None:
    """Repositories and the eventstore are reached through the transaction."""
    async with uow as transaction:
        assert uow.books is transaction.books
        assert uow.eventstore is transaction.eventstore
        with pytest.raises(AttributeError, match="nothing"):
            transaction.nothing  # noqa: B018

        await transaction.rollback()


async def test_a_committed_transaction_is_closed_when_it_is_left(uow: AsyncLibrary) -> None:
    """Commit, then leave: committed, then closed."""
    async with uow as transaction:
        await transaction.commit()

        assert "committed" == transaction.status.value

    assert "closed" == transaction.status.value
    assert ["commit"] == uow.ended


async def test_a_rolled_back_transaction_is_closed_when_it_is_left(uow: AsyncLibrary) -> None:
    """Roll back, then leave: rolled back, then closed."""
    async with uow as transaction:
        await transaction.rollback()

        assert "rolledback" == transaction.status.value

    assert "closed" == transaction.status.value
    assert ["rollback"] == uow.ended


async def test_leaving_without_a_decision_is_an_error_and_rolls_back(uow: AsyncLibrary) -> None:
    """Forgetting to commit raises, and nothing of the transaction stands."""
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
    """An error, and what is more than an error, rolls back and arrives as it is."""
    with pytest.raises(type(error)) as caught:
        async with uow as transaction:
            raise error

    assert error is caught.value
    assert ["rollback"] == uow.ended
    assert "closed" == transaction.status.value


async def test_a_failing_commit_rolls_back(uow: AsyncLibrary) -> None:
    """If the commit itself fails, the transaction is rolled back."""
    uow.failing = "commit"

    with pytest.raises(OSError, match="no commit"):
        async with uow as transaction:
            await transaction.commit()

    assert ["rollback"] == uow.ended


async def test_a_failing_rollback_leaves_the_unit_of_work_usable(uow: AsyncLibrary) -> None:
    """The error of a rollback does not hide the one before it, nor block the next transaction."""
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
    """What is committed stays committed and is published, whatever happens then."""
    with pytest.raises(ValueError, match="too late"):
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await transaction.commit()
            raise ValueError("too late")

    assert ["commit"] == uow.ended
    assert ["book_registered_v1"] == types_of(transport)


async def test_an_error_after_the_commit_and_one_of_the_transport_both_arrive(
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


async def test_an_interruption_after_the_commit_stays_what_it_is(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """A failing transport is noted on an interruption, which arrives as itself."""
    transport.fail(ConnectionError())

    with pytest.raises(Interruption) as caught:
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await transaction.commit()
            raise Interruption

    assert "stay buffered" in caught.value.__notes__[0]


async def test_an_interruption_stays_what_it_is_if_the_rollback_fails(uow: AsyncLibrary) -> None:
    """A failing rollback is noted on an interruption, which arrives as itself."""
    uow.failing = "rollback"

    with pytest.raises(Interruption) as caught:
        async with uow:
            raise Interruption

    assert ["Besides: OSError: no rollback"] == caught.value.__notes__


async def test_a_transaction_can_not_be_committed_twice(uow: AsyncLibrary) -> None:
    """The second commit is refused, and names the status."""
    async with uow as transaction:
        await transaction.commit()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(committed\).$"):
            await transaction.commit()

    assert ["commit"] == uow.ended


async def test_a_committed_transaction_can_not_be_rolled_back(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """A rollback that comes too late is refused and does not silence the publication."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(committed\).$"):
            await transaction.rollback()

    assert ["commit"] == uow.ended
    assert ["book_registered_v1"] == types_of(transport)


async def test_a_rolled_back_transaction_can_not_be_committed(uow: AsyncLibrary) -> None:
    """A commit after a rollback is refused; a second rollback does nothing."""
    async with uow as transaction:
        await transaction.rollback()
        await transaction.rollback()
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(rolledback\).$"):
            await transaction.commit()

    assert ["rollback"] == uow.ended


async def test_a_closed_transaction_refuses_everything(uow: AsyncLibrary) -> None:
    """Nothing can be done with a transaction that was left."""
    async with uow as transaction:
        await transaction.commit()

    for refused in (transaction.commit, transaction.rollback, transaction.detach):
        with pytest.raises(TransactionError, match=r"^Transaction already closed \(closed\).$"):
            await refused()
    with pytest.raises(TransactionError, match=r"^Transaction is closed.$"):
        await transaction.close()


async def test_a_transaction_is_entered_once(uow: AsyncLibrary) -> None:
    """Neither a running transaction nor a closed one can be entered again."""
    transaction = AsyncUnitOfWorkTransaction(uow)
    async with transaction:
        with pytest.raises(TransactionError, match=r"(?m)^Invalid transaction status\.$"):
            await transaction.__aenter__()
        await transaction.commit()

    with pytest.raises(TransactionError, match=r"(?m)^Invalid transaction status\.$"):
        await transaction.__aenter__()


async def test_a_unit_of_work_runs_one_transaction_at_a_time(uow: AsyncLibrary) -> None:
    """A second transaction on one unit of work is refused, and the first is not disturbed."""
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
    """After a commit, a rollback or the end nothing can be handled."""
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


async def test_what_is_committed_is_published_in_handling_order(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """Nothing is published before the transaction is left; then all, in order."""
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
    """No later commit publishes what was handled in a transaction that was rolled back."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()

    async with uow as transaction:
        await transaction.commit()
    await eventstore.publish_eventstream()

    assert [] == transport.sent


async def test_what_a_failed_handler_has_raised_is_handled_by_nobody(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, eventstore: AsyncRecordingEventstore
) -> None:
    """Messages that are still on models when a transaction is rolled back are dropped."""

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


async def test_a_commit_publishes_nothing_of_a_transaction_that_is_still_open(
    bus: AsyncMessageBus[Any],
    eventstore: AsyncRecordingEventstore,
    transport: AsyncRecorder,
) -> None:
    """Two units of work that share an eventstore publish what is theirs, each at its end."""
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
    """A message is never added to a transaction that is over, however two of them interleave."""
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


async def test_transactions_that_interleave_leave_the_one_around_them_alone(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """What is added to a transaction by hand stays its own, whatever else began and ended."""
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


async def test_a_transaction_on_another_eventstore_does_not_come_between(
    uow: AsyncLibrary, eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """What is added by hand belongs to the nearest transaction on that eventstore."""
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
    """A unit of work may open its eventstore when it is entered, or later."""
    for decide in ("rollback", "commit"):
        uow = AsyncLibrary()
        async with uow as transaction:
            uow.eventstore = eventstore
            await bus.handle(RegisterBook(id=decide), transaction)
            await transaction.eventstore.add(BookRegistered(id="by hand"))
            await getattr(transaction, decide)()
        await eventstore.publish_eventstream()

    assert ['{"id":"commit"}', '{"id":"by hand"}'] == [each["payload"] for each in transport.sent]


async def test_what_a_handler_adds_itself_belongs_to_its_transaction(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """A message that is added to the eventstore by hand is published or dropped with the rest."""

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


async def test_a_transport_that_fails_loses_nothing(
    bus: AsyncMessageBus[Any], uow: AsyncLibrary, transport: AsyncRecorder
) -> None:
    """The message that failed and those behind it wait for another publication, in order."""
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
    """After detach the transaction goes on, and close publishes what was committed."""
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
    """A stream that ends without a commit leaves nothing, and frees the unit of work."""
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
    """A detached transaction ends by close and by nothing else."""
    async with uow as transaction:
        await transaction.detach()
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()

    assert [] == transport.sent
    await transaction.close()

    assert ["book_registered_v1"] == types_of(transport)


async def test_an_error_ends_a_detached_transaction_too(uow: AsyncLibrary) -> None:
    """If the block fails after detach, there will be no stream: the transaction ends."""
    with pytest.raises(ValueError, match="no stream"):
        async with uow as transaction:
            await transaction.detach()
            raise ValueError("no stream")

    assert ["rollback"] == uow.ended
    assert "closed" == transaction.status.value


async def test_closing_a_running_transaction_by_hand_needs_a_decision(uow: AsyncLibrary) -> None:
    """Close without detach, commit or rollback is the same mistake as leaving undecided."""
    transaction = await uow.__aenter__()

    with pytest.raises(TransactionError, match="Missing commit/rollback call"):
        await transaction.close()

    assert ["rollback"] == uow.ended

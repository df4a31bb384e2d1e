"""Random failures: exactly the committed messages are stored and published."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from messagebus import (
    AsyncAbstractUnitOfWork,
    AsyncEventstoreAbstractRepository,
    AsyncEventstreamPublisher,
    AsyncMessageBus,
    Command,
    Event,
    Message,
    Metadata,
    PublishError,
)
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncBooks
from tests.library import Book


@dataclass(frozen=True)
class Plan:
    """The handling of a message: raise others, then perhaps fail."""

    is_command: bool
    published: bool
    fails: bool
    raises: tuple[Plan, ...]


@dataclass(frozen=True)
class Run:
    """One transaction: its messages and its ending."""

    plans: tuple[Plan, ...]
    commits: bool


class Do(Command):
    """A command that follows a plan."""

    plan: Any
    metadata: Metadata = Metadata(name="do", schema_version=1)


class Done(Event):
    """An event whose listener follows a plan."""

    plan: Any
    metadata: Metadata = Metadata(name="done", schema_version=1)


def message_of(plan: Plan) -> Message[Any]:
    """Return a message for a plan."""
    kind = Do if plan.is_command else Done
    metadata = Metadata(name="planned", schema_version=1, published=plan.published)
    return kind(plan=plan, metadata=metadata)


class AsyncKeepingEventstore(AsyncEventstoreAbstractRepository):
    """Keeps the messages of committed transactions."""

    def __init__(self, publisher: AsyncEventstreamPublisher) -> None:
        super().__init__(publisher)
        self.kept: list[Message[Any]] = []
        self.pending: list[Message[Any]] = []

    async def _add(self, message: Message[Any]) -> None:
        self.pending.append(message)


class AsyncPlannedWork(AsyncAbstractUnitOfWork[AsyncBooks]):
    """A unit of work with two repositories."""

    def __init__(self, eventstore: AsyncKeepingEventstore) -> None:
        self.odd = AsyncBooks()
        self.even = AsyncBooks()
        self.eventstore: AsyncKeepingEventstore = eventstore

    async def commit(self) -> None:
        """Store the handled messages."""
        self.eventstore.kept += self.eventstore.pending
        self.eventstore.pending.clear()

    async def rollback(self) -> None:
        """Drop the handled messages."""
        self.eventstore.pending.clear()


async def follow(message: Do | Done, uow: AsyncPlannedWork) -> None:
    """Follow the plan of a message, with one model for each message that is raised."""
    for index, plan in enumerate(message.plan.raises):
        book = Book(id=str(index))
        book.messages.append(message_of(plan))
        await (uow.odd if index % 2 else uow.even).add(book)
    if message.plan.fails:
        raise ValueError("as planned")


def handling_order(plan: Plan) -> tuple[list[Plan], bool]:
    """Return the plans in handling order, and whether all of them succeed."""
    waiting = [plan]
    followed: list[Plan] = []
    while waiting:
        current = waiting.pop(0)
        if current.fails:
            return followed, False
        followed.append(current)
        waiting += current.raises
    return followed, True


plans = st.recursive(
    st.builds(
        Plan, st.booleans(), st.booleans(), st.sampled_from([False] * 7 + [True]), st.just(())
    ),
    lambda inner: st.builds(
        Plan,
        st.booleans(),
        st.booleans(),
        st.sampled_from([False] * 15 + [True]),
        st.lists(inner, max_size=4).map(tuple),
    ),
    max_leaves=12,
)
runs = st.lists(
    st.builds(Run, st.lists(plans, min_size=1, max_size=3).map(tuple), st.booleans()), max_size=6
)


@given(runs=runs, failing=st.sets(st.integers(min_value=0, max_value=30), max_size=6))
async def test_store_and_stream_hold_exactly_the_committed_messages_in_handling_order(
    runs: list[Run], failing: set[int]
) -> None:
    """Handlers and transports fail at random; no message is lost or added."""
    transport = AsyncRecorder()
    for before, attempt in pairwise([-1, *sorted(failing)]):
        transport.fail(ConnectionError(), after=attempt - before - 1)
    eventstore = AsyncKeepingEventstore(AsyncEventstreamPublisher(transport))
    uow = AsyncPlannedWork(eventstore)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Do, follow)
    bus.add_listener(Done, follow)
    expected: list[Plan] = []

    for run in runs:
        order = [handling_order(plan) for plan in run.plans]
        if run.commits and all(succeeds for _, succeeds in order):
            expected += [plan for followed, _ in order for plan in followed]
        try:
            async with uow as transaction:
                for plan in run.plans:
                    await bus.handle(message_of(plan), transaction)
                if run.commits:
                    await transaction.commit()
                else:
                    await transaction.rollback()
        except ValueError:
            assert not all(succeeds for _, succeeds in order)
        except PublishError:
            assert run.commits
    while eventstore._unsent:
        try:
            await eventstore.publish_eventstream()
        except PublishError:
            continue

    assert expected == [message.plan for message in eventstore.kept]  # type: ignore[attr-defined]
    assert [str(each.message_id) for each in eventstore.kept if each.metadata.published] == (
        transport.ids
    )

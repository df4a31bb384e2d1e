"""Replaying stored events through chosen listeners, to rebuild a read model."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import AsyncReplay, ReplayProgress, tables
from messagebus.exceptions import ReplayError
from tests._async.adapters.sqlalchemy.shelves import (
    AsyncShelves,
    count,
    publish,
    register,
    stored,
    stored_titles,
)
from tests.bookshelf import books
from tests.library import BookBorrowed, BookRegistered, RegisterBook
from tests.running.aio import AsyncEngine


class BrokenError(Exception):
    """A listener fails."""


def read_model(*, failing: str | None = None) -> AsyncMessageBus[Any]:
    """Return a bus whose only listener adds a row for each borrowed book."""

    async def keep(event: BookBorrowed, uow: AsyncShelves) -> None:
        # A second application of an event violates the primary key.
        await uow.session.execute(sa.insert(books).values(id=event.id, title=event.id))
        if event.id == failing:
            raise BrokenError

    bus = AsyncMessageBus[Any]()
    bus.add_listener(BookBorrowed, keep)
    return bus


async def run(replay: AsyncReplay, **options: Any) -> list[ReplayProgress]:
    """Run a replay to its end."""
    return [progress async for progress in replay.run(**options)]


async def test_events_are_applied_in_batches_and_nothing_is_stored_again(
    engine: AsyncEngine,
) -> None:
    """Each batch is one transaction, and the progress comes after its commit."""
    await publish(engine, *"abcde")
    before = await stored(engine)

    progress = await run(
        AsyncReplay(engine, read_model(), AsyncShelves(engine), "books", batch_size=2)
    )

    assert [(2, 5, 2), (4, 5, 4), (5, 5, 5)] == [
        (each.position, each.until, each.applied) for each in progress
    ]
    assert [*"abcde"] == list(await stored_titles(engine))
    assert before == await stored(engine)


async def test_a_replay_that_was_left_goes_on_behind_its_last_commit(engine: AsyncEngine) -> None:
    """By another object of the same name; what was stored meanwhile comes as well."""
    await publish(engine, *"abcde")
    progress = AsyncReplay(engine, read_model(), AsyncShelves(engine), "books", batch_size=2).run()
    await anext(progress)
    await progress.aclose()
    assert [*"ab"] == list(await stored_titles(engine))

    await publish(engine, *"fg")
    again = AsyncReplay(engine, read_model(), AsyncShelves(engine), "books", batch_size=3)

    assert (7, 7, 5) == (lambda last: (last.position, last.until, last.applied))(
        (await run(again))[-1]
    )
    assert [*"abcdefg"] == list(await stored_titles(engine))
    assert [ReplayProgress(7, 7, 0)] == await run(again)


@pytest.mark.parametrize("failing", [*"abcde"])
async def test_a_failure_applies_nothing_twice(engine: AsyncEngine, failing: str) -> None:
    """Its batch is rolled back with the position, and the next run begins with it."""
    await publish(engine, *"abcde")
    uow = AsyncShelves(engine)
    with pytest.raises(BrokenError) as caught:
        await run(AsyncReplay(engine, read_model(failing=failing), uow, "books", batch_size=2))
    position = "abcde".index(failing) + 1
    assert f"It is replayed from position {position}." in caught.value.__notes__
    assert (position - 1) // 2 * 2 == len(await stored_titles(engine))

    await run(AsyncReplay(engine, read_model(), uow, "books", batch_size=2))

    assert [*"abcde"] == list(await stored_titles(engine))


async def test_of_two_processes_one_applies_a_batch(engine: AsyncEngine) -> None:
    """The other finds that the position has moved, and stops."""
    await publish(engine, *"abcd")
    one, two = (
        AsyncReplay(engine, read_model(), AsyncShelves(engine), "books", batch_size=2).run()
        for _ in range(2)
    )
    await anext(one)
    await anext(two)  # began behind it

    with pytest.raises(ReplayError, match="its position is no longer 2"):
        await anext(one)
    assert [*"abcd"] == list(await stored_titles(engine))


async def test_a_replay_begins_anew_together_with_its_read_model(engine: AsyncEngine) -> None:
    """Both are emptied in one transaction."""
    await publish(engine, *"ab")
    uow = AsyncShelves(engine)
    replay = AsyncReplay(engine, read_model(), uow, "books")
    await run(replay)
    async with uow as transaction:
        await transaction.session.execute(sa.delete(books))
        await replay.forget(transaction)
        await transaction.commit()
    assert [] == list(await stored_titles(engine))

    await run(replay)

    assert [*"ab"] == list(await stored_titles(engine))


async def test_a_replay_begins_at_a_position_or_a_time(engine: AsyncEngine) -> None:
    """Each name has a position of its own."""
    events = await publish(engine, *"abcd")
    uow = AsyncShelves(engine)

    await run(AsyncReplay(engine, read_model(), uow, "late"), since=events[3].created_at)
    assert [*"d"] == list(await stored_titles(engine))
    async with uow as transaction:
        await transaction.session.execute(sa.delete(books))
        await transaction.commit()
    await run(AsyncReplay(engine, read_model(), uow, "behind"), after=1)

    assert [*"bcd"] == list(await stored_titles(engine))


async def test_commands_are_replayed_only_if_they_are_named(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """A listener of a command is not enough."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()
    async with uow as transaction:
        await transaction.session.execute(sa.delete(books))
        await transaction.commit()

    async def keep(command: RegisterBook, uow: AsyncShelves) -> None:
        await uow.session.execute(sa.insert(books).values(id=command.id, title=command.title))

    model = AsyncMessageBus[Any]()
    model.add_listener(RegisterBook, keep)
    assert 0 == (await run(AsyncReplay(engine, model, uow, "events")))[-1].applied
    await run(AsyncReplay(engine, model, uow, "commands", names=["register_book"]))

    assert ["Dune"] == list(await stored_titles(engine))


async def test_what_a_replayed_message_raises_is_refused(
    engine: AsyncEngine, uow: AsyncShelves
) -> None:
    """It would be stored and published as something new; the batch is rolled back."""
    bus = AsyncMessageBus[Any]()
    bus.add_listener(RegisterBook, register)
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()
    before = await stored(engine)
    model = AsyncMessageBus[Any]()
    model.add_listener(BookRegistered, count)

    with pytest.raises(ReplayError, match="has raised 'shelf_counted', which would be stored"):
        await run(AsyncReplay(engine, model, uow, "books"))

    assert before == await stored(engine)
    async with engine.connect() as connection:
        assert 0 == await connection.scalar(sa.select(tables.replays.c.position))


async def test_a_listener_gets_its_dependencies(engine: AsyncEngine) -> None:
    """By name, as from any other call."""
    await publish(engine, *"ab")
    shelf: list[str] = []

    async def keep(event: BookBorrowed, uow: AsyncShelves, shelf: list[str]) -> None:
        shelf.append(event.id)

    bus = AsyncMessageBus[Any]()
    bus.add_listener(BookBorrowed, keep)
    await run(AsyncReplay(engine, bus, AsyncShelves(engine), "a", dependencies={"shelf": shelf}))

    assert [*"ab"] == shelf

"""*execute* on a database: serialization failures, and a message that is executed again."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from messagebus import AsyncMessageBus, Backoff, Retry
from messagebus.adapters.sqlalchemy import async_create_tables
from messagebus.exceptions import DuplicateMessageError
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, register, stored_titles
from tests.bookshelf import Base
from tests.library import RegisterBook, Shelve
from tests.running.aio import AsyncEngine, create_all, new_engine

AT_ONCE = Backoff(first=0.0)


class Rivalry:
    """A handler that changes a row which another transaction changes meanwhile, once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.attempts = 0

    async def __call__(self, command: Shelve, uow: AsyncShelves) -> None:
        """Read, let the other one commit, and write."""
        self.attempts += 1
        await uow.session.execute(sa.text("SELECT title FROM books"))
        if self.attempts == 1:
            async with self.engine.begin() as rival:
                await rival.execute(sa.text("UPDATE books SET title = 'rival'"))
        await uow.session.execute(sa.text("UPDATE books SET title = title || ' and ours'"))


@pytest.mark.parametrize("retries", [False, True])
async def test_a_serialization_failure_begins_again(postgres_url: str, retries: bool) -> None:
    """By default that is what is worth another attempt; without *retry* it is raised."""
    engine = new_engine(postgres_url, isolation_level="REPEATABLE READ")
    await async_create_tables(engine)
    await create_all(engine, Base.metadata)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    rivalry = Rivalry(engine)
    bus.add_listener(RegisterBook, register)
    bus.add_listener(Shelve, rivalry)
    await bus.execute(RegisterBook(id="1", title="Emma"), AsyncShelves(engine))

    try:
        if retries:
            await bus.execute(Shelve(), AsyncShelves(engine), retry=Retry(backoff=AT_ONCE))
            assert ["rival and ours"] == await stored_titles(engine)
            assert 2 == rivalry.attempts
        else:
            with pytest.raises(DBAPIError, match="could not serialize"):
                await bus.execute(Shelve(), AsyncShelves(engine))
            assert ["rival"] == await stored_titles(engine)
    finally:
        await engine.dispose()


async def test_a_message_that_is_stored_is_not_executed_again(
    bus: AsyncMessageBus[Any], engine: AsyncEngine
) -> None:
    """Whoever repeats an attempt whose commit was in doubt learns that it stands."""
    command = RegisterBook(id="1", title="Emma")
    await bus.execute(command, AsyncShelves(engine))
    again: AsyncMessageBus[Any] = AsyncMessageBus()

    async def nothing(command: RegisterBook, uow: AsyncShelves) -> None:
        """Succeed without an effect."""

    again.add_listener(RegisterBook, nothing)
    with pytest.raises(DuplicateMessageError):
        await again.execute(command, AsyncShelves(engine), retry=Retry(backoff=AT_ONCE))
    assert ["Emma"] == await stored_titles(engine)

"""Callbacks of the outbox that turn out to be asynchronous: awaited in async code, else refused."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from messagebus import AsyncMessageBus, ConfigurationError, SyncMessageBus
from messagebus.adapters.sqlalchemy import (
    AsyncOutboxRelay,
    SyncOutboxRelay,
    async_create_tables,
    sync_create_tables,
)
from messagebus.testing.outbox import AsyncRecorder, SyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves
from tests._sync.adapters.sqlalchemy.shelves import SyncShelves
from tests.library import BookRegistered
from tests.running import aio, blocking

ran: list[str] = []


async def awaken(*_: object) -> None:
    """Note the call, asynchronously."""
    ran.append("awaken")


def hidden(*arguments: Any, **_: Any) -> Any:
    """Return a coroutine."""
    return awaken(*arguments)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield a sync engine."""
    ran.clear()
    engine = blocking.new_engine(blocking.sqlite_url(tmp_path / "messages.db"))
    sync_create_tables(engine)
    yield engine
    engine.dispose()


async def async_engine(tmp_path: Path) -> AsyncEngine:
    """Return an async engine."""
    ran.clear()
    engine = aio.new_engine(aio.sqlite_url(tmp_path / "messages.db"))
    await async_create_tables(engine)
    return engine


@pytest.mark.parametrize("callback", [awaken, hidden, functools.partial(awaken)])
async def test_an_async_unit_of_work_awaits_its_callbacks(
    tmp_path: Path, callback: Callable[..., Any]
) -> None:
    """A relay elsewhere can be woken over the network."""
    engine = await async_engine(tmp_path)

    class Shelves(AsyncShelves):
        attach = hidden

    async with Shelves(engine, on_published=callback) as transaction:
        assert ["awaken"] == ran
        await AsyncMessageBus[Any]().handle(BookRegistered(id="1"), transaction)
        await transaction.commit()
    await engine.dispose()
    assert ["awaken"] * 2 == ran


def test_a_sync_unit_of_work_refuses_a_coroutine_function_as_callback(engine: Engine) -> None:
    """It says so before anything is committed."""
    with pytest.raises(ConfigurationError, match="awaken is a coroutine function"):
        SyncShelves(engine, on_published=awaken)


def test_a_sync_unit_of_work_refuses_a_coroutine_of_its_callback(engine: Engine) -> None:
    """The relay was not woken, although the call looked well."""
    with (
        pytest.raises(ConfigurationError, match="hidden returned a coroutine"),
        SyncShelves(engine, on_published=hidden) as transaction,
    ):
        SyncMessageBus[Any]().handle(BookRegistered(id="1"), transaction)
        transaction.commit()


def test_a_sync_unit_of_work_refuses_to_attach_later(engine: Engine) -> None:
    """The transaction would have no repositories."""

    class Shelves(SyncShelves):
        attach = hidden

    uow = Shelves(engine)
    for _ in range(2):  # the session is released
        with pytest.raises(ConfigurationError, match="hidden returned a coroutine"), uow:
            pytest.fail("there are no repositories")


def test_a_sync_relay_refuses_an_async_transport(engine: Engine) -> None:
    """Its messages would be recorded as sent."""
    transport: Any = AsyncRecorder()
    with pytest.raises(ConfigurationError, match="is a coroutine function"):
        SyncOutboxRelay(engine, transport)


def test_a_message_is_not_sent_by_a_transport_that_returns_a_coroutine(engine: Engine) -> None:
    """The relay counts the attempt as failed, and says why."""

    class Transport(SyncRecorder):
        send_messages_serialized = hidden

    with SyncShelves(engine) as transaction:
        SyncMessageBus[Any]().handle(BookRegistered(id="1"), transaction)
        transaction.commit()
    relay = SyncOutboxRelay(engine, Transport(), max_attempts=1)
    assert 0 == relay.drain()
    assert 1 == relay.status().backlog.parked


async def test_an_async_relay_sends_with_a_sync_transport(tmp_path: Path) -> None:
    """It returns when the messages are sent, so there is nothing to await."""
    engine, transport = await async_engine(tmp_path), SyncRecorder()
    async with AsyncShelves(engine) as transaction:
        await AsyncMessageBus[Any]().handle(BookRegistered(id="1"), transaction)
        await transaction.commit()
    sent: Any = transport
    assert 1 == await AsyncOutboxRelay(engine, sent).drain()
    await engine.dispose()
    assert 1 == len(transport.sent)

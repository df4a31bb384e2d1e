"""The contract of a store, which every adapter must keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from messagebus import AsyncAbstractEventstreamTransport
from messagebus.adapters.sqlalchemy import (
    AsyncOutboxRelay,
    AsyncSQLAlchemyUnitOfWork,
    async_create_tables,
)
from messagebus.testing.outbox import ASYNC_OUTBOX_RULES, AsyncOutboxHarness
from tests.running.aio import AsyncEngine, new_engine


class AsyncSQLAlchemyHarness(AsyncOutboxHarness):
    """Tables that are empty."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    def uow(self) -> AsyncSQLAlchemyUnitOfWork[Any]:
        """Make a unit of work."""
        return AsyncSQLAlchemyUnitOfWork(self.engine)

    def relay(self, transport: AsyncAbstractEventstreamTransport) -> AsyncOutboxRelay:
        """Make a relay."""
        return AsyncOutboxRelay(self.engine, transport, lease=10, poll_interval=0.01)


@pytest.fixture
async def harness(database_url: str) -> AsyncIterator[AsyncSQLAlchemyHarness]:
    """Yield a store on an empty database."""
    engine = new_engine(database_url, pool_size=20)
    await async_create_tables(engine)
    yield AsyncSQLAlchemyHarness(engine)
    await engine.dispose()


@pytest.mark.parametrize("rule", ASYNC_OUTBOX_RULES)
async def test_the_contract_is_kept(
    harness: AsyncSQLAlchemyHarness, rule: Callable[[AsyncOutboxHarness], Any]
) -> None:
    """A broken rule states what it expected."""
    await rule(harness)

"""The page while its database is frozen, away, and back."""

from __future__ import annotations

import asyncio

import pytest

from messagebus.adapters.sqlalchemy import async_create_tables
from messagebus.web import create_app
from tests.running.aio import PATIENCE, new_engine
from tests.servers import PostgresServer
from tests.web.conftest import admit, connect

pytestmark = pytest.mark.slow


async def test_a_frozen_server_is_told_and_the_page_works_again_after_it(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page waits for its limit, not for the server."""
    monkeypatch.setattr("messagebus.web.guard._PATIENCE", PATIENCE)
    engine = new_engine(own_postgres.url)
    await async_create_tables(engine)
    async with connect(create_app(engine, authorize=admit)) as client:
        assert 200 == (await client.get("/messages")).status_code
        own_postgres.freeze()
        monkeypatch.setattr("messagebus.web.guard._PATIENCE", 0.5)
        async with asyncio.timeout(PATIENCE / 2):
            pages = await asyncio.gather(*(client.get("/messages") for _ in range(3)))
        assert [503] * 3 == [page.status_code for page in pages]
        assert "does not answer" in pages[0].text
        own_postgres.thaw()
        monkeypatch.setattr("messagebus.web.guard._PATIENCE", PATIENCE)
        assert 200 == (await client.get("/messages")).status_code
        own_postgres.stop()
        assert 503 == (await client.get("/messages")).status_code
        own_postgres.start()
        assert 200 == (await client.get("/messages")).status_code
    await engine.dispose()

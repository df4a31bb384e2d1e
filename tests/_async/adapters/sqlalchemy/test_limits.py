"""The limit of a wait for the database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError

from messagebus.adapters.sqlalchemy._compat.aio import within
from tests.running.aio import new_engine
from tests.servers import PostgresServer

ONE = sa.select(sa.literal(1))
SHORT, LONG = 0.2, 60.0  # seconds


async def test_a_database_that_answers_in_time_keeps_its_connection(postgres_url: str) -> None:
    """The limit ends with the block."""
    engine = new_engine(postgres_url)
    async with engine.connect() as connection:
        async with within(connection, SHORT):
            assert 1 == await connection.scalar(ONE)
        await connection.execute(sa.select(sa.func.pg_sleep(2 * SHORT)))
        assert 1 == await connection.scalar(ONE)
    await engine.dispose()


async def test_a_frozen_server_is_not_waited_for(own_postgres: PostgresServer) -> None:
    """It accepts everything and answers nothing; the error tells how long."""
    engine = new_engine(own_postgres.url)
    async with engine.connect() as connection:
        await connection.scalar(ONE)
        own_postgres.freeze()
        with pytest.raises(DatabaseTimeoutError, match="has not answered for"):
            async with within(connection, SHORT):
                await connection.scalar(ONE)
        own_postgres.thaw()
    async with engine.connect() as connection:
        assert 1 == await connection.scalar(ONE)
    await engine.dispose()


async def test_a_lock_is_not_waited_for(postgres_url: str) -> None:
    """What the transaction holds is released: the server ends it."""
    engine = new_engine(postgres_url)
    lock = sa.select(sa.func.pg_advisory_xact_lock(1))
    async with engine.connect() as holder, engine.connect() as connection:
        await holder.execute(lock)
        with pytest.raises(DatabaseTimeoutError, match="has not answered"):
            async with within(connection, SHORT):
                await connection.execute(lock)
    await engine.dispose()


async def test_an_error_in_the_block_stays_what_it_is(postgres_url: str) -> None:
    """Only what comes after the limit is a matter of time."""
    engine = new_engine(postgres_url)
    async with engine.connect() as connection:
        with pytest.raises(sa.exc.ProgrammingError):
            async with within(connection, LONG):
                await connection.exec_driver_sql("SELECT nothing")
    await engine.dispose()

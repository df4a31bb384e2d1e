"""The limit of a wait for the database."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError

from messagebus.adapters.sqlalchemy._compat.aio import (
    AsyncConnection,
    call,
    connected,
    opened,
    within,
)
from tests.running.aio import eventually, new_engine, sqlite_url
from tests.servers import PostgresServer

ONE = sa.select(sa.literal(1))
SHORT, LONG = 0.2, 60.0  # seconds
SLEEP = sa.select(sa.func.pg_sleep(2 * SHORT))


async def test_a_database_that_answers_in_time_keeps_its_connection(postgres_url: str) -> None:
    """The limit ends with the block."""
    engine = new_engine(postgres_url)

    async def is_kept() -> bool:
        try:
            async with engine.connect() as connection:
                async with within(connection, SHORT):
                    assert 1 == await connection.scalar(ONE)
                await connection.execute(SLEEP)
                return 1 == await connection.scalar(ONE)
        except SQLAlchemyError:  # a slow machine does not answer in time
            return False

    await eventually(is_kept)
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


async def test_a_server_that_freezes_once_it_has_let_us_in_is_not_waited_for(
    own_postgres: PostgresServer,
) -> None:
    """SQLAlchemy asks a new connection some questions of its own, which no block can limit."""
    engine = new_engine(own_postgres.url)
    target = getattr(engine, "sync_engine", engine)
    sa.event.listen(target, "connect", lambda *_: own_postgres.freeze(), insert=True)
    with pytest.raises(DatabaseTimeoutError, match="has not answered for"):
        _ = await opened(engine, SHORT)
    own_postgres.thaw()
    await engine.dispose()


async def test_nothing_more_listens_to_a_pool_while_others_connect(tmp_path: Path) -> None:
    """SQLAlchemy fails in a thread that connects while what listens to its pool changes."""
    engine = new_engine(sqlite_url(tmp_path / "messages.db"))
    target = getattr(engine, "sync_engine", engine)
    before = [*target.pool.dispatch.connect]
    async with connected(engine, LONG), connected(engine.execution_options(some="x"), LONG):
        assert before == [*target.pool.dispatch.connect]
    await engine.dispose()


async def test_a_frozen_server_is_not_waited_for_by_a_connection_without_a_pool(
    own_postgres: PostgresServer,
) -> None:
    """The session that shows that a leader lives is detached from its pool."""
    engine = new_engine(own_postgres.url)
    connection = await opened(engine, LONG)
    await call(connection, sa.Connection.detach)
    own_postgres.freeze()
    with pytest.raises(DatabaseTimeoutError, match="has not answered for"):
        async with within(connection, SHORT):
            await connection.scalar(ONE)
    own_postgres.thaw()
    await connection.close()
    await engine.dispose()


async def test_a_server_that_freezes_before_a_rollback_is_not_waited_for(
    own_postgres: PostgresServer,
) -> None:
    """A transaction that has only read ends with a rollback."""
    engine = new_engine(own_postgres.url)
    with pytest.raises(DatabaseTimeoutError, match="has not answered for"):
        async with connected(engine, SHORT) as connection:
            await connection.scalar(ONE)
            own_postgres.freeze()
    own_postgres.thaw()
    async with connected(engine, LONG) as connection:
        assert 1 == await connection.scalar(ONE)
    await engine.dispose()


async def test_a_connection_that_is_opened_in_time_has_no_limit(postgres_url: str) -> None:
    """The limit ends when the connection is usable, and is not that of other connections."""
    engine = new_engine(postgres_url)
    opening: list[AsyncConnection] = []

    async def is_usable() -> bool:
        try:
            opening.append(await opened(engine, SHORT))
            await opening[-1].execute(SLEEP)
        except SQLAlchemyError:  # a slow machine does not open it in time
            return False
        return True

    await eventually(is_usable)
    target = getattr(engine, "sync_engine", engine)
    sa.event.listen(target, "connect", lambda *_: time.sleep(2 * SHORT), insert=True)
    async with engine.connect() as other:
        await other.execute(SLEEP)
    for each in opening:
        await each.close()
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

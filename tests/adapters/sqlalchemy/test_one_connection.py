"""Data and messages of a transaction go through one connection, whatever its session has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from messagebus import AsyncMessageBus, ConfigurationError, SyncMessageBus
from messagebus.adapters.memory import SyncMemoryTransport
from messagebus.adapters.sqlalchemy import (
    READ_ONLY,
    AsyncSQLAlchemyUnitOfWork,
    SyncOutboxRelay,
    SyncSQLAlchemyUnitOfWork,
    prepare_sqlite,
    sync_create_tables,
    tables,
)
from messagebus.exceptions import SplitTransactionError
from tests.library import BookBorrowed


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)


Uow = SyncSQLAlchemyUnitOfWork[Any]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[sa.Engine]:
    """Yield an engine on a file with all tables."""
    yield from new_database(f"sqlite:///{tmp_path / 'here.db'}")


@pytest.fixture(params=["sqlite", "postgresql", "same database"])
def there(request: pytest.FixtureRequest, tmp_path: Path, here: sa.Engine) -> Iterator[sa.Engine]:
    """Yield another engine, on a database with all tables."""
    if request.param == "same database":
        engine = prepare_sqlite(sa.create_engine(here.url))
        yield engine
        engine.dispose()
        return
    url = f"sqlite:///{tmp_path / 'there.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    yield from new_database(url)


def new_database(url: str) -> Iterator[sa.Engine]:
    """Yield an engine on a database with all tables."""
    engine = prepare_sqlite(sa.create_engine(url), busy_timeout=0.1)
    sync_create_tables(engine)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def count(engine: sa.Engine) -> tuple[int | None, int | None]:
    """Return how many rows and messages a database has."""
    with engine.execution_options(**READ_ONLY).connect() as connection:
        return (
            connection.scalar(sa.select(sa.func.count()).select_from(Row)),
            connection.scalar(sa.select(sa.func.count()).select_from(tables.messages)),
        )


def write(factory: sessionmaker[Session], write_through: str = "flush") -> None:
    """Commit a row and a message."""
    with Uow(factory) as transaction:
        SyncMessageBus[Any]().handle(BookBorrowed(), transaction)
        session = transaction.session
        match write_through:
            case "flush":
                session.add(Row())
                session.flush()
            case "core":
                session.execute(sa.insert(Row).values(id=1))
            case "text":
                bind = {"mapper": Row}
                session.execute(sa.text("/* a */ INSERT INTO rows VALUES (1)"), bind_arguments=bind)
            case "with":
                text = "WITH new AS (SELECT 1 AS id) INSERT INTO rows SELECT id FROM new"
                session.connection(bind_arguments={"mapper": Row}).exec_driver_sql(text)
            case "commit":
                session.add(Row())
        transaction.commit()


@pytest.mark.parametrize("way", ["flush", "core", "text", "with", "commit"])
def test_data_in_another_database_than_its_messages_is_refused(
    here: sa.Engine, there: sa.Engine, way: str
) -> None:
    """The first write raises an error that names both engines, and nothing is stored."""
    factory = sessionmaker(here, binds={Base: there})
    with pytest.raises(SplitTransactionError) as caught:
        write(factory, way)
    error = caught.value
    assert (repr(there), repr(here)) == (error.data, error.messages)
    assert all(each in str(error) for each in (repr(there), repr(here)))
    assert ([(0, 0)] * 2) == [count(here), count(there)]


@pytest.mark.parametrize("key", [Base, Row, Row.__table__], ids=["base", "class", "table"])
def test_the_messages_may_be_bound_to_the_engine_of_the_data(
    here: sa.Engine, there: sa.Engine, key: Any
) -> None:
    """Whatever else the session is bound to."""
    write(sessionmaker(here, binds={key: there, tables.messages: there}))
    assert (1, 1) == count(there)


def test_a_session_that_is_bound_by_class_only_has_one_engine(here: sa.Engine) -> None:
    """The messages go where all classes are, also if no data is written."""
    factory = sessionmaker(binds={Base: here})
    write(factory)
    with Uow(factory) as transaction:
        SyncMessageBus[Any]().handle(BookBorrowed(), transaction)
        transaction.commit()
    assert (1, 2) == count(here)


def test_a_session_with_two_engines_and_none_for_the_messages_is_refused(
    here: sa.Engine, there: sa.Engine
) -> None:
    """It says what to bind."""
    factory = sessionmaker(binds={Row: here, sa.table("other"): there})
    with pytest.raises(ConfigurationError, match="none for the messages") as caught:
        write(factory)
    assert "binds={tables.messages" in caught.value.__notes__[0]
    with pytest.raises(ConfigurationError, match="none for the messages"), Uow(factory) as uow:
        SyncMessageBus[Any]().handle(BookBorrowed(), uow)
        uow.commit()
    assert ([(0, 0)] * 2) == [count(here), count(there)]


def test_a_statement_that_names_another_engine_is_refused(
    here: sa.Engine, there: sa.Engine
) -> None:
    """A session with one engine can be told to use another."""
    with pytest.raises(SplitTransactionError), Uow(here) as transaction:
        insert = sa.insert(Row).values(id=1)
        transaction.session.execute(insert, bind_arguments={"bind": there})
    assert (0, 0) == count(there)


class Routing(Session):
    """A session that reads from a replica, as the documentation of SQLAlchemy shows it."""

    def get_bind(self, mapper: Any = None, clause: Any = None, **_options: Any) -> sa.Engine:
        """Return the primary for what is written."""
        writes = self._flushing or isinstance(clause, (sa.Update, sa.Delete))
        engine: sa.Engine = self.info["primary" if writes else "replica"]
        return engine


def test_a_session_may_read_from_a_replica(here: sa.Engine, there: sa.Engine) -> None:
    """The messages go to the primary, with the data and without."""
    replica = there.execution_options(**READ_ONLY)
    factory = sessionmaker[Session](class_=Routing, info={"primary": here, "replica": replica})
    before = count(there)
    with Uow(factory) as transaction:
        assert [] == transaction.session.scalars(sa.select(Row)).all()
        SyncMessageBus[Any]().handle(BookBorrowed(), transaction)
        transaction.session.add(Row())
        transaction.commit()
    with Uow(factory) as transaction:
        SyncMessageBus[Any]().handle(BookBorrowed(), transaction)
        transaction.commit()
    assert (1, 2) == count(here)
    assert before == count(there) or here.url == there.url


def test_a_write_to_a_replica_is_refused(here: sa.Engine, there: sa.Engine) -> None:
    """A router that sends an insert to the replica is found out before anything is written."""
    factory = sessionmaker[Session](class_=Routing, info={"primary": here, "replica": there})
    with pytest.raises(SplitTransactionError):
        write(factory, "core")
    assert ([(0, 0)] * 2) == [count(here), count(there)]


def test_a_session_may_be_bound_to_a_connection(here: sa.Engine) -> None:
    """Its transaction decides about both, and the next session of the connection is free."""
    with here.connect() as connection:
        factory = sessionmaker(connection, join_transaction_mode="create_savepoint")
        with connection.begin() as outer:
            write(factory)
            outer.rollback()
        assert (0, 0) == count(here)
        write(factory)
        assert (1, 1) == count(here)


def test_a_connection_beside_the_engine_is_refused_and_then_let_go(
    here: sa.Engine, there: sa.Engine
) -> None:
    """What was watched for one session is not watched for the next."""
    with there.connect() as connection:
        with pytest.raises(SplitTransactionError):
            write(sessionmaker(here, binds={Base: connection}))
        connection.rollback()
        with Session(connection) as session:
            session.add(Row())
            session.commit()
    assert 1 == count(there)[0]


def test_a_connection_in_autocommit_is_refused(here: sa.Engine) -> None:
    """Before anything is written."""
    with (
        here.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        pytest.raises(ConfigurationError, match="AUTOCOMMIT"),
    ):
        write(sessionmaker(connection))
    assert (0, 0) == count(here)


def test_what_was_written_through_one_connection_is_relayed(
    here: sa.Engine, there: sa.Engine
) -> None:
    """The relay finds the messages where the data is."""
    write(sessionmaker(here, binds={Base: there, tables.messages: there}))
    assert 1 == SyncOutboxRelay(there, SyncMemoryTransport()).drain()


async def test_an_async_session_is_kept_to_one_connection_as_well(tmp_path: Path) -> None:
    """Its sync session is watched."""
    engines = [
        prepare_sqlite(create_async_engine(f"sqlite+aiosqlite:///{tmp_path / name}"))
        for name in ("here.db", "there.db")
    ]
    for each in engines:
        async with each.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
            await connection.run_sync(tables.messages.metadata.create_all)
    factory = async_sessionmaker(engines[0], binds={Base: engines[1]})
    with pytest.raises(SplitTransactionError):
        async with AsyncSQLAlchemyUnitOfWork[Any](factory) as transaction:
            await AsyncMessageBus[Any]().handle(BookBorrowed(), transaction)
            transaction.session.add(Row())
            await transaction.commit()
    for each in engines:
        await each.dispose()

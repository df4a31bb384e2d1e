"""The errors of the databases have one meaning, whatever driver raises them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from ssl import SSLCertVerificationError
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from messagebus.adapters.sqlalchemy.errors import (
    SQLITE,
    SQLSTATES,
    Meaning,
    add_advice,
    code_of,
    meaning_of,
)
from messagebus.exceptions import (
    ConfigurationError,
    MissingTableError,
    TransportUnavailableError,
)

Execute = Callable[..., BaseException]


@pytest.fixture(params=["psycopg", "psycopg2"])
def execute(request: pytest.FixtureRequest, postgres_server_url: str) -> Iterator[Execute]:
    """Yield a function that executes statements in one transaction and returns their error."""
    url = with_driver(postgres_server_url, request.param)
    engine = sa.create_engine(url, poolclass=NullPool)

    def run(*statements: str) -> BaseException:
        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            for each in statements:
                connection.exec_driver_sql(each)
        return caught.value

    yield run
    engine.dispose()


def with_driver(url: str, driver: str) -> str:
    """Return the URL for a driver."""
    return url.replace("+psycopg", f"+{driver}")


def raised(code: str) -> str:
    """Return a statement for which PostgreSQL raises an error of that code."""
    return f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"


def full(code: str) -> str:
    """Return a code of the class, if it is one."""
    return code.ljust(5, "0")


@pytest.mark.parametrize(("code", "meaning"), SQLSTATES.items(), ids=SQLSTATES)
def test_every_code_of_postgresql_is_read_from_the_drivers_error(
    execute: Execute, code: str, meaning: Meaning
) -> None:
    """The server raises it."""
    error = execute(raised(full(code)))
    assert (full(code), meaning) == (code_of(error), meaning_of(error))


async def test_every_code_of_postgresql_is_read_from_the_error_of_asyncpg(
    postgres_server_url: str,
) -> None:
    """It has error classes of its own."""
    engine = create_async_engine(with_driver(postgres_server_url, "asyncpg"), poolclass=NullPool)
    meanings = {}
    for code in SQLSTATES:
        with pytest.raises(DBAPIError) as caught:
            async with engine.begin() as connection:
                await connection.exec_driver_sql(raised(full(code)))
        meanings[code] = meaning_of(caught.value)
    await engine.dispose()
    assert meanings == SQLSTATES


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        (["SET LOCAL statement_timeout = 1", "SELECT pg_sleep(9)"], "57014"),
        (["SET TRANSACTION READ ONLY", "CREATE TABLE new ()"], "25006"),
        (["SELECT * FROM absent"], "42P01"),
        (["SELECT absent FROM pg_class"], "42703"),
        (["CREATE TABLE absent.new ()"], "3F000"),
        (["SET LOCAL ROLE pg_monitor", "SELECT * FROM pg_authid"], "42501"),
        (["EXECUTE absent"], "26000"),
        (["PREPARE twice AS SELECT 1", "PREPARE twice AS SELECT 1"], "42P05"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_postgresql_refuses_has_its_meaning(
    execute: Execute, statements: list[str], code: str
) -> None:
    """These happen in the wild."""
    error = execute(*statements)
    assert code == code_of(error)
    assert meaning_of(error) is not Meaning.BUG


def test_a_session_that_the_server_ends_is_an_outage(execute: Execute) -> None:
    """Some drivers lose its code."""
    error = execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert Meaning.OUTAGE is meaning_of(error)


@pytest.mark.parametrize(
    "statement", ["SELEC 1", "SELECT 1 / 0", "DO $$ BEGIN RAISE EXCEPTION 'no'; END $$"]
)
def test_a_statement_that_is_wrong_is_a_bug(execute: Execute, statement: str) -> None:
    """Waiting would not mend it."""
    assert Meaning.BUG is meaning_of(execute(statement))


@pytest.mark.parametrize(
    ("changed", "meaning"),
    [
        ({"database": "absent"}, Meaning.MISSING),
        ({"username": "absent"}, Meaning.CONFIGURATION),
        ({"port": 1}, Meaning.OUTAGE),
        ({"host": "absent.invalid"}, Meaning.OUTAGE),
    ],
    ids=["database", "user", "refused", "name"],
)
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_connection_that_is_refused_has_a_meaning(
    postgres_server_url: str, driver: str, changed: dict[str, Any], meaning: Meaning
) -> None:
    """These drivers give it no code."""
    url = sa.make_url(with_driver(postgres_server_url, driver)).set(**changed)
    with pytest.raises(DBAPIError) as caught:
        sa.create_engine(url, poolclass=NullPool).connect()
    assert meaning is meaning_of(caught.value)


@pytest.mark.parametrize(
    ("changed", "meaning"),
    [
        ({"database": "absent"}, Meaning.MISSING),
        ({"username": "absent"}, Meaning.CONFIGURATION),
        ({"port": 1}, Meaning.OUTAGE),
        ({"host": "absent.invalid"}, Meaning.OUTAGE),
    ],
    ids=["database", "user", "refused", "name"],
)
async def test_a_connection_that_asyncpg_is_refused_has_a_meaning(
    postgres_server_url: str, changed: dict[str, Any], meaning: Meaning
) -> None:
    """It raises the OSError of the connection."""
    url = sa.make_url(with_driver(postgres_server_url, "asyncpg")).set(**changed)
    with pytest.raises((DBAPIError, OSError)) as caught:
        async with create_async_engine(url, poolclass=NullPool).connect():
            pass
    assert meaning is meaning_of(caught.value)


def refused(text: str) -> DBAPIError:
    """Return the error of a driver that keeps only the text of the server."""
    return OperationalError(None, None, Exception(f"connection failed: FATAL:  {text}"))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('password authentication failed for user "app"', Meaning.CONFIGURATION),
        ('no pg_hba.conf entry for host "::1", user "app"', Meaning.CONFIGURATION),
        ('role "app" is not permitted to log in', Meaning.CONFIGURATION),
        ('permission denied for database "shop"', Meaning.CONFIGURATION),
        ("sorry, too many clients already", Meaning.OUTAGE),
        ("the database system is starting up", Meaning.OUTAGE),
    ],
)
def test_a_user_that_is_refused_is_told_by_the_text_of_the_server(
    text: str, meaning: Meaning
) -> None:
    """Libpq keeps no code of a connection that was never made."""
    assert meaning is meaning_of(refused(text))


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (PoolTimeoutError("QueuePool limit"), Meaning.OUTAGE),
        (ConnectionResetError(), Meaning.OUTAGE),
        (TimeoutError(), Meaning.OUTAGE),
        (SSLCertVerificationError(), Meaning.CONFIGURATION),
        (OperationalError("SELECT 1", {}, Exception("server closed")), Meaning.OUTAGE),
        (DBAPIError("SELECT 1", {}, Exception("?")), Meaning.BUG),
        (DBAPIError("SELECT 1", {}, Exception("?"), connection_invalidated=True), Meaning.OUTAGE),
        (MissingTableError("messages"), Meaning.MISSING),
        (ConfigurationError("wrong"), Meaning.CONFIGURATION),
        (TransportUnavailableError("away"), Meaning.BUG),
        (NoSuchTableError("messages"), Meaning.BUG),
        (ZeroDivisionError(), Meaning.BUG),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_without_a_code_has_a_meaning(error: Exception, meaning: Meaning) -> None:
    """An error of a transport is not taken for one of the database."""
    assert meaning is meaning_of(error)


@pytest.mark.parametrize(("name", "meaning"), SQLITE.items(), ids=SQLITE)
@pytest.mark.parametrize("detail", ["", "_DETAIL"])
def test_every_result_code_of_sqlite_has_its_meaning(
    name: str, meaning: Meaning, detail: str
) -> None:
    """Extended codes have the meaning of the code that they extend."""
    original = sqlite3.OperationalError("no")
    original.sqlite_errorname = name + detail
    error = OperationalError("SELECT 1", {}, original)
    assert meaning is meaning_of(error)


def sqlite_error(path: Path, *statements: str) -> BaseException:
    """Return the error of statements in a database file."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        for each in statements:
            connection.exec_driver_sql(each)
    return caught.value


@pytest.mark.parametrize(
    ("statements", "meaning"),
    [
        (["SELECT * FROM absent"], Meaning.MISSING),
        (["CREATE TABLE t (a)", "SELECT absent FROM t"], Meaning.MISSING),
        (["CREATE TABLE t (a)", "INSERT INTO t (absent) VALUES (1)"], Meaning.MISSING),
        (["CREATE TABLE t (a NOT NULL)", "INSERT INTO t VALUES (NULL)"], Meaning.CONFIGURATION),
        (["PRAGMA query_only = 1", "CREATE TABLE t (a)"], Meaning.OUTAGE),
        (["PRAGMA max_page_count = 1", "CREATE TABLE t (a)", "CREATE TABLE u (a)"], Meaning.OUTAGE),
        (["SELEC 1"], Meaning.BUG),
        (["CREATE TABLE t (a UNIQUE)", "INSERT INTO t VALUES (1), (1)"], Meaning.BUG),
    ],
    ids=["table", "column", "insert", "not null", "read only", "full", "syntax", "unique"],
)
def test_what_sqlite_refuses_has_its_meaning(
    tmp_path: Path, statements: list[str], meaning: Meaning
) -> None:
    """SQLite raises it."""
    assert meaning is meaning_of(sqlite_error(tmp_path / "messages.db", *statements))


def test_a_file_that_cannot_be_opened_or_read_is_not_waited_for(tmp_path: Path) -> None:
    """It is in no folder, or not a database."""
    (path := tmp_path / "messages.db").write_bytes(b"not a database" * 100)
    for each in (path, tmp_path / "absent" / "messages.db"):
        error = sqlite_error(each, "CREATE TABLE t (a)")
        assert Meaning.CONFIGURATION is meaning_of(error)


def test_a_writer_that_holds_the_lock_is_waited_for(tmp_path: Path) -> None:
    """The same transaction may succeed at once."""
    path = tmp_path / "messages.db"
    with sqlite3.connect(path, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        error = sqlite_error(path, "PRAGMA busy_timeout = 1", "CREATE TABLE t (a)")
    writer.close()
    assert Meaning.AGAIN is meaning_of(error)


@pytest.mark.parametrize(
    ("statements", "advice"),
    [
        (["EXECUTE absent"], "PgBouncer"),
        (["PREPARE twice AS SELECT 1", "PREPARE twice AS SELECT 1"], "PgBouncer"),
        (["SET TRANSACTION READ ONLY", "CREATE TABLE new ()"], "Connect to the primary"),
        (["SET LOCAL ROLE pg_monitor", "SELECT * FROM pg_authid"], "Grant the user"),
    ],
    ids=["lost", "kept", "read only", "right"],
)
def test_an_error_that_does_not_speak_for_itself_comes_with_advice(
    execute: Execute, statements: list[str], advice: str
) -> None:
    """It is added once, as a note."""
    error = execute(*statements)
    add_advice(error)
    add_advice(error)
    [note] = error.__notes__
    assert advice in note


def test_the_wrong_prepared_statement_of_a_pooler_comes_with_advice(execute: Execute) -> None:
    """Its code is that of any error of the protocol."""
    text = 'bind message supplies 8 parameters, but prepared statement "_pg3_2" requires 14'
    error = execute(raised("08P01").replace("'no'", f"'{text}'"))
    add_advice(error)
    assert "PgBouncer" in error.__notes__[0]

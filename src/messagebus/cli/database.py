"""The databases of the commands: engines created from URLs, and the tables in them."""

from __future__ import annotations

import sqlite3
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from sqlalchemy import MetaData, create_engine
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .._error_text import with_advice
from .._urls import ensure_encoded
from ..adapters.sqlalchemy import OutboxTables, define_tables, prepare_sqlite
from ..adapters.sqlalchemy.errors import add_advice
from ..adapters.sqlalchemy.tables import ensure_exist
from ..exceptions import ConfigurationError, MissingExtraError
from . import url_options
from .exit_code import ExitCode
from .limit import answering_within
from .output import complain

TEngine = TypeVar("TEngine", Engine, AsyncEngine)


class _Database(NamedTuple):
    """A kind of database: its name, its drivers, and the extra that installs them."""

    name: str
    drivers: tuple[str, ...]
    async_driver: str
    sync_driver: str
    extra: str
    options: Mapping[str, url_options.Check]


# The two drivers of SQLite are one: aiosqlite runs sqlite3 in a thread.
_SQLITE = _Database(
    "SQLite",
    ("pysqlite", "aiosqlite"),
    "sqlite+aiosqlite",
    "sqlite+pysqlite",
    "sqlite",
    url_options.SQLITE,
)
_POSTGRES = _Database(
    "PostgreSQL",
    ("psycopg", "psycopg_async"),
    "postgresql+psycopg",
    "postgresql+psycopg",
    "postgres",
    url_options.POSTGRES,
)
_CONNECT_TIMEOUT = 5  # seconds
_DATABASES = {"sqlite": _SQLITE, "postgresql": _POSTGRES, "postgres": _POSTGRES}

_LAST_PORT = 65_535

_CREATE = "Correct the path, or create it with --create-tables."


def new_engine(new: Callable[..., TEngine], text: str, *, create: bool | None = None) -> TEngine:
    """Create an engine.

    Args:
        new: *create_engine* or *create_async_engine*.
        text: the URL, without a driver or with the one that the command line uses.
        create: create the SQLite file if it does not exist; None if the command cannot.

    Raises:
        ConfigurationError: the URL is not valid, of another database or for another driver, or
            has an option that is unknown; or its file does not exist or cannot be opened.
        MissingExtraError: the driver is not installed.
    """
    ensure_encoded(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Neither the cause nor the URL is shown: a password may be in the place of the port.
        problem = "The database must be given by a URL such as sqlite:///shop.db"
        advice = "A port is a number; several hosts go into its query, as in ?host=a:1&host=b:2."
        raise ConfigurationError(problem, advice=advice) from None
    _ensure_plausible(url, text)
    scheme, _, driver = url.drivername.partition("+")
    if scheme not in _DATABASES:
        problem = f"The database must be SQLite or PostgreSQL, not {scheme!r}"
        raise ConfigurationError(problem)
    database = _DATABASES[scheme]
    if driver and driver not in database.drivers:
        problem = f"The command line opens {database.name} with {database.drivers[0]}, not {driver}"
        advice = f"Leave out the driver: {scheme}://…"
        raise ConfigurationError(problem, advice=advice)
    options = url_options.checked(text, database.name, database.options)
    if database is _SQLITE:
        _ensure_file(url, options, create)
    passed = url_options.arguments(options)
    # No ping before each use either, which would wait for a frozen server as long as it likes.
    is_limited = database is _POSTGRES and "connect_timeout" not in options
    limits = {"connect_timeout": _CONNECT_TIMEOUT} if is_limited else {}
    is_async = new is create_async_engine
    url = url.difference_update_query(passed).set(
        drivername=database.async_driver if is_async else database.sync_driver
    )
    try:
        return prepare_sqlite(new(url, connect_args={**limits, **passed}))
    except ArgumentError:
        problem = "The hosts and the ports in the URL of the database do not fit together"
        raise ConfigurationError(problem) from None
    except ImportError as error:
        what = f"The database {scheme}"
        raise MissingExtraError(what, database.extra) from error


def run_on_tables(
    options: Namespace, command: Callable[[Engine, OutboxTables], ExitCode], *, exist: bool = True
) -> ExitCode:
    """Run a command on the tables of a database, and report what the database refuses.

    Args:
        options: the arguments of the command.
        command: takes an engine and the tables.
        exist: whether the tables must exist.

    Raises:
        ConfigurationError: the URL is wrong, or a table does not exist.
    """
    engine = new_engine(create_engine, options.database)
    tables = define_tables(MetaData(), prefix=options.prefix, schema=options.schema or None)
    try:
        with answering_within(engine, options.timeout):
            if exist:
                with engine.connect() as connection:
                    ensure_exist(connection, tables)
            return command(engine, tables)
    except SQLAlchemyError as error:
        add_advice(error)
        complain(with_advice(error))
        return ExitCode.DATABASE
    finally:
        engine.dispose()


def _ensure_plausible(url: URL, text: str) -> None:
    """Refuse what libpq cuts off or cannot look up."""
    try:
        (url.host or "").encode("idna")
    except UnicodeError:
        problem = "The host in the URL of the database is not a name that can be looked up"
        raise ConfigurationError(problem) from None
    if (url.port or 0) > _LAST_PORT:
        problem = f"The port in the URL of the database must be at most {_LAST_PORT}"
        raise ConfigurationError(problem)
    if "%00" in text:
        problem = "The URL of the database contains a NUL (%00), which nothing in it may"
        raise ConfigurationError(problem)


def _ensure_file(url: URL, options: Mapping[str, Any], create: bool | None) -> None:
    if url.host or url.username or url.password or url.port:
        problem = "The path of a SQLite file comes after three slashes, as in sqlite:///shop.db"
        raise ConfigurationError(problem)
    is_uri = options.get("uri", False)
    if options and not is_uri:
        problem = "An option in the URL of a SQLite file has no effect without uri=true"
        advice = "Write sqlite:///file:shop.db?mode=ro&uri=true, or leave it out."
        raise ConfigurationError(problem, advice=advice)
    path = database = url.database or ""
    if is_uri and database.startswith("file:"):
        path = unquote(urlsplit(database).path)
    if path in {"", ":memory:"} or "memory" in options.values() or options.get("vfs") == "memdb":
        problem = "A SQLite database in memory is empty, and ends with the command"
        raise ConfigurationError(problem, advice="Name a file, such as sqlite:///shop.db.")
    if not create and not Path(path).exists():
        problem = f"There is no database {path}"
        can_create = create is not None and Path(path).parent.is_dir()
        raise ConfigurationError(problem, advice=_CREATE if can_create else None)
    query = "&".join(f"{name}={url.query[name]}" for name in options if name != "uri")
    try:
        # If the thread of aiosqlite were the first to try, it might outlive the event loop.
        sqlite3.connect(f"{database}?{query}" if query else database, uri=is_uri).close()
    except sqlite3.OperationalError as error:
        problem = f"The database {path} cannot be opened: {error}"
        raise ConfigurationError(problem) from error

"""The URL of a database: strict, and never shown where a password may be in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from messagebus._urls import ensure_encoded
from messagebus.adapters.sqlalchemy import prepare_sqlite, sync_create_tables
from messagebus.cli import ExitCode, main
from messagebus.cli.database import new_engine
from messagebus.exceptions import ConfigurationError

COMMANDS = [["outbox", "status"], ["relay", "--transport=stdout:", "--drain"]]

ENCODED = [
    "postgresql://localhost/shop",
    "postgresql://app@localhost/shop",
    "postgresql://app:hunter@localhost/shop",
    "postgresql://app:hun:ter@localhost/shop",
    "postgresql://app:hun%40ter%23se%2Fcret@localhost/shop",
    "postgresql://app:%25@localhost/shop",
    "postgresql://app:p!$&'()*+%2C;=~._-@localhost/shop",
    "postgresql://app:geheimnisvoll-\u00e4@localhost/shop",
    "postgresql://app:x@[::1]:5432/shop?options=-csearch_path%3Dx%40y",
    "postgresql:///shop?host=/run/p%40stgres",
    "sqlite:////home/me@work/shop.db",
    "sqlite:///me@work/shop.db",
    "shop.db",
]


@pytest.mark.parametrize("url", ENCODED)
def test_a_password_that_is_encoded_is_accepted(url: str) -> None:
    """So is a path with an @, which can be no end of a password."""
    ensure_encoded(url)


@pytest.mark.parametrize(
    "secret",
    [
        "hun@ter#se/cret",
        *(f"hun{each}secret" for each in "@/?# []\n\t\x00"),
        "hun%secret",
        "hun%4",
        "hun%zzsecret",
        "/hunsecret",
        "?hun@secret=1",
        "@@hun",
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "redis", "nats", "sqlite"])
def test_a_password_that_is_not_encoded_is_refused(secret: str, scheme: str) -> None:
    """The error has no part of it, and says how to write it."""
    for url in (f"{scheme}://app:{secret}@localhost/shop", f"{scheme}://{secret}:x@localhost/shop"):
        if url.startswith((f"{scheme}:///", "sqlite://?")):
            continue  # a path, or the options of one
        with pytest.raises(ConfigurationError) as caught:
            ensure_encoded(url)
        said = f"{caught.value} {caught.value.__notes__}"
        assert "hun" not in said
        assert "secret" not in said
        assert "%40 for @" in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hun@ter#se/cret@localhost/shop",
        "postgresql://app:hun@secret@localhost/shop",
        "postgresql://app:hun/secret@localhost/shop",
        "postgresql://app:hun?secret@localhost/shop",
        "postgresql://app:hunsecret/shop",  # no host: the password stands for a port
        "postgresql://app:hun secret",
        "sqlite://app:hunsecret@localhost/shop.db",
        "app:hunsecret@localhost/shop",
        "postgresql://localhost/shop?connect_timeout=hunsecret",
        "postgresql:///shop?x@hunsecret=1",
        "mysql://app:hun@secret@localhost/shop",
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_part_of_a_password_is_printed(
    capsys: pytest.CaptureFixture[str], url: str, command: list[str]
) -> None:
    """The command ends at once, with one line and the status of wrong arguments."""
    assert ExitCode.USAGE == main([*command, f"--database={url}"])

    output, errors = capsys.readouterr()
    assert "" == output
    for part in ("hun", "ter#", "cret", "secret"):
        assert part not in errors
    assert all(line.startswith("messagebus: ") for line in errors.splitlines())


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql+psycopg2://localhost/shop", "opens PostgreSQL with psycopg, not psycopg2"),
        ("postgresql+asyncpg://localhost/shop", "opens PostgreSQL with psycopg, not asyncpg"),
        ("sqlite+pysqlcipher:///shop.db", "opens SQLite with pysqlite, not pysqlcipher"),
        ("sqlite+psycopg:///shop.db", "opens SQLite with pysqlite, not psycopg"),
        ("oracle://localhost/shop", "SQLite or PostgreSQL, not 'oracle'"),
        ("", "given by a URL"),
        ("postgresql://localhost/shop?prepare_treshold=0", "no option 'prepare_treshold'"),
        ("postgresql://localhost/shop?autocommit=true", "no option 'autocommit'"),
        ("postgresql://localhost/shop?plugin=x", "no option 'plugin'"),
        ("postgresql://localhost/shop?autocommit", "no option 'autocommit'"),
        ("postgresql://localhost/shop?sslmode=always", "sslmode in the URL"),
        ("postgresql://localhost/shop?sslmode=", "must be one of disable, allow"),
        ("postgresql://localhost/shop?sslmode=allow&sslmode=prefer", "option sslmode twice"),
        ("postgresql://localhost/shop?connect_timeout=2s", "must be a whole number"),
        ("postgresql://localhost/shop?connect_timeout=99999999999", "must be a whole number"),
        ("postgresql://localhost/shop?prepare_threshold=off", "or None to prepare no"),
        ("postgresql://localhost/shop?port=x", "port in the URL of the database must be"),
        ("postgresql://app@127.0.0.1:99999/shop", "port in the URL is not valid"),
        ("postgresql://app@127.0.0.1/shop?port=99999", "a number up to 65535"),
        ("postgresql://app@a:1,b:2/shop", "several hosts go into its query"),
        ("postgresql:///shop?host=a&host=b&port=1&port=2&port=3", "do not fit together"),
        ("postgresql://app@ex..ample/shop", "not a name that can be looked up"),
        ("postgresql://app:%00@127.0.0.1:1/shop", "contains a NUL"),
        ("sqlite://", "in memory"),
        ("sqlite:///", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite+aiosqlite://", "in memory"),
        ("sqlite:///file::memory:?uri=true", "in memory"),
        ("sqlite:///file:?uri=true", "in memory"),
        ("sqlite:///file:shop?mode=memory&cache=shared&uri=true", "in memory"),
        ("sqlite:///file:/shop?vfs=memdb&uri=true", "in memory"),
        ("sqlite://shop.db", "after three slashes"),
        ("sqlite:///shop.db?timeout=30", "no option 'timeout'"),
        ("sqlite:///shop.db?mode=ro", "no effect without uri=true"),
        ("sqlite:///file:shop.db?mode=ro&uri=maybe", "uri in the URL of the database must be true"),
        ("sqlite:///file:no/such.db?mode=rw&uri=true", "There is no database no/such.db"),
    ],
)
def test_a_url_that_would_be_misread_is_refused(
    capsys: pytest.CaptureFixture[str], url: str, complaint: str
) -> None:
    """Neither a driver nor an option is dropped silently, and nothing is counted in memory."""
    # An empty argument is given on the command line, where it does count.
    assert ExitCode.USAGE == main(["outbox", "status", f"--database={url}"])

    [line] = capsys.readouterr().err.splitlines()
    assert complaint in line


@pytest.mark.parametrize(
    ("given", "expected"), [("0", 0), ("7", 7), ("None", None), ("none", None)]
)
@pytest.mark.parametrize("driver", ["", "+psycopg", "+psycopg_async"])
async def test_the_statements_of_a_pooler_are_not_prepared(
    postgres_url: str, given: str, expected: int | None, driver: str
) -> None:
    """The option of psycopg reaches each connection, on both sides."""
    url = f"{postgres_url}{'&' if '?' in postgres_url else '?'}prepare_threshold={given}"
    url = url.replace("+psycopg", driver, 1)
    engine = new_engine(create_engine, url)
    with engine.connect() as connection:
        driver_connection = connection.connection.driver_connection
        assert driver_connection is not None
        assert expected == driver_connection.prepare_threshold
    engine.dispose()
    other = new_engine(create_async_engine, url)
    async with other.connect() as async_connection:
        raw = await async_connection.get_raw_connection()
        assert expected == getattr(raw.driver_connection, "prepare_threshold", "missing")
    await other.dispose()


def test_the_options_of_a_server_reach_it(postgres_url: str) -> None:
    """Those of libpq are passed on."""
    url = f"{postgres_url}{'&' if '?' in postgres_url else '?'}application_name=shop&sslmode=prefer"
    engine = new_engine(create_engine, url)
    with engine.connect() as connection:
        assert "shop" == connection.scalar(text("SHOW application_name"))
    engine.dispose()


def test_a_file_may_be_opened_for_reading_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options of SQLite's own URIs are passed on."""
    path = tmp_path / "sh%op@home.db"
    engine = prepare_sqlite(create_engine(f"sqlite:///{path}".replace("%", "%25")))
    sync_create_tables(engine)
    url = f"sqlite:///file:{path}?mode=ro&uri=true".replace("%", "%2525")

    assert ExitCode.OK == main(["outbox", "status", f"--database={url}"])
    arguments = ["outbox", "replay", "01a20526-ad91-743e-b996-93d3b24d6bec"]
    assert ExitCode.DATABASE == main([*arguments, f"--database={url}"])
    assert "readonly database" in capsys.readouterr().err
    engine.dispose()

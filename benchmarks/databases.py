"""The servers and databases of the workloads, started on demand and removed at exit."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import metadata, prepare_sqlite
from tests.servers import (
    KafkaServer,
    NatsServer,
    PostgresServer,
    RabbitmqServer,
    RedisServer,
)
from tests.servers.postgres import new_database

from .measuring import LEFT, at_the_end

POSTGRES = "PostgreSQL"
SQLITE = "SQLite"

books = sa.Table(
    "books",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
)
"""The table that commands write to, besides the messages."""


class SafePostgres(PostgresServer):
    """PostgreSQL that waits for the disk, as in production."""

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of the server."""
        return [*super().command(port), "-c", "fsync=on", "-c", "full_page_writes=on"]


class SafeRedis(RedisServer):
    """Redis that writes to the disk every second, its default."""

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of the server."""
        return [*super().command(port), "--appendfsync", "everysec"]


@cache
def _postgres() -> str:
    return LEFT.enter_context(SafePostgres()).url


@cache
def redis() -> str:
    """Start Redis; return its URL."""
    return LEFT.enter_context(SafeRedis()).url


@cache
def nats() -> str:
    """Start NATS; return its URL."""
    return LEFT.enter_context(NatsServer()).url


@cache
def rabbitmq() -> str:
    """Start RabbitMQ; return its URL."""
    return _url_of(RabbitmqServer)


@cache
def kafka() -> str:
    """Start a broker for Kafka's clients, which keeps all in memory; return its URL."""
    return _url_of(KafkaServer)


def _url_of(server: type[RabbitmqServer | KafkaServer]) -> str:
    """Start a server that may be missing; return its URL.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return LEFT.enter_context(server()).url
    except pytest.skip.Exception as reason:
        raise ImportError(str(reason)) from None


def database(kind: str) -> str:
    """Create an empty database with all tables; return its URL for sync code."""
    if kind == POSTGRES:
        url = LEFT.enter_context(new_database(_postgres()))
    else:
        folder = LEFT.enter_context(tempfile.TemporaryDirectory(prefix="messagebus-bench-"))
        url = f"sqlite:///{folder}/messages.db"
    engine = plain_engine(url)
    for each in (metadata, books.metadata):
        each.create_all(engine)
    return url


def plain_engine(url: str) -> sa.Engine:
    """Return an engine for work that is not measured."""
    engine = prepare_sqlite(sa.create_engine(url))
    at_the_end(engine.dispose)
    return engine

"""Servers for the tests, each started when the first test asks for it.

To use a running server instead, set its URL in MESSAGEBUS_TEST_POSTGRES_URL (the user must be
allowed to create databases), MESSAGEBUS_TEST_REDIS_URL, MESSAGEBUS_TEST_NATS_URL,
MESSAGEBUS_TEST_KAFKA_URL or MESSAGEBUS_TEST_RABBITMQ_URL. Tests that stop a server always start one
of their own. A test is skipped for want of a program only where there is no wheel of it, as of
RabbitMQ, PgBouncer and Chromium, and the system has none either; with MESSAGEBUS_TEST_ALL set, it
fails. Those of Kafka are always skipped on Python 3.15, for which its client has no wheel.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import settings

from messagebus.adapters.sqlalchemy import prepare_sqlite, sync_create_tables

from .bookshelf import Base
from .servers import KafkaServer, NatsServer, PostgresServer, RabbitmqServer, RedisNode, RedisServer
from .servers.postgres import new_database
from .servers.redis import form_cluster

# No test depends on the speed of the machine.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """Yield the URL of the PostgreSQL server; tests use *postgres_url*, a database of their own."""
    if url := os.environ.get("MESSAGEBUS_TEST_POSTGRES_URL"):
        yield url
        return
    with PostgresServer(os.environ.get("MESSAGEBUS_TEST_POSTGRES_VERSION", "18")) as server:
        yield server.url


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of an empty database, which is dropped after the test."""
    with new_database(postgres_server_url) as url:
        yield url


@pytest.fixture(scope="session")
def _template(postgres_server_url: str) -> Iterator[str]:
    """Yield the name of a database with empty tables: a copy is made faster than the tables are."""
    with new_database(postgres_server_url) as url:
        create_tables(url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def postgres_url_with_tables(postgres_server_url: str, _template: str) -> Iterator[str]:
    """Yield the SQLAlchemy URL of a database with empty tables, dropped after the test."""
    with new_database(postgres_server_url, _template) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_file_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file with empty tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    create_tables(f"sqlite:///{path}")
    return path


def create_tables(url: str) -> None:
    """Create the tables of the eventstore and those of the tests' application."""
    engine = prepare_sqlite(sa.create_engine(url))
    sync_create_tables(engine)
    Base.metadata.create_all(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Yield the URL of the Redis server that all tests share; take names from *unique_name*."""
    if url := os.environ.get("MESSAGEBUS_TEST_REDIS_URL"):
        yield url
        return
    with RedisServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[tuple[str, str]]:
    """Yield the URLs of two nodes, the first with the lower half of the slots."""
    with RedisNode() as lower, RedisNode() as upper:
        form_cluster(lower, upper)
        yield lower.url, upper.url


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """Yield the URL of the NATS server that all tests share; take names from *unique_name*."""
    if url := os.environ.get("MESSAGEBUS_TEST_NATS_URL"):
        yield url
        return
    with NatsServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """Yield the URL of the RabbitMQ server that all tests share; take names from *unique_name*."""
    if url := os.environ.get("MESSAGEBUS_TEST_RABBITMQ_URL"):
        yield url
        return
    with RabbitmqServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """Yield the URL of the Kafka broker that all tests share; take names from *unique_name*."""
    if url := os.environ.get("MESSAGEBUS_TEST_KAFKA_URL"):
        yield url
        return
    with KafkaServer() as server:
        yield server.url


@pytest.fixture
def unique_name() -> str:
    """Return a name that no other test uses, for a stream, a subject or a key."""
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Yield a PostgreSQL server that the test may stop, kill and freeze."""
    with PostgresServer(os.environ.get("MESSAGEBUS_TEST_POSTGRES_VERSION", "18")) as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """Yield a Redis server that the test may stop, kill and freeze."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_nats() -> Iterator[NatsServer]:
    """Yield a NATS server that the test may stop, kill and freeze."""
    with NatsServer() as server:
        yield server


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """Yield a Kafka broker that the test may stop, kill and freeze, and that forgets all then."""
    with KafkaServer() as server:
        yield server


@pytest.fixture
def own_rabbitmq() -> Iterator[RabbitmqServer]:
    """Yield a RabbitMQ server that the test may stop, kill and freeze."""
    with RabbitmqServer() as server:
        yield server

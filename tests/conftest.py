"""What all tests share: the servers, each started when the first test asks for it.

A server that is there already is used instead where an environment variable has its URL:
MESSAGEBUS_TEST_POSTGRES_URL (its user has to be allowed to create databases),
MESSAGEBUS_TEST_REDIS_URL and MESSAGEBUS_TEST_NATS_URL. Tests that stop a server always start one
of their own. No test is skipped because a server is missing.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from .servers import NatsServer, PostgresServer, RedisServer
from .servers.postgres import new_database


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server; tests take *postgres_url*, a database of their own."""
    if url := os.environ.get("MESSAGEBUS_TEST_POSTGRES_URL"):
        yield url
        return
    with PostgresServer(os.environ.get("MESSAGEBUS_TEST_POSTGRES_VERSION", "18")) as server:
        yield server.url


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """Yield the URL, as SQLAlchemy writes it, of an empty database that is dropped afterwards."""
    with new_database(postgres_server_url) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Yield the URL of a Redis server that all tests share: take names from *unique_name*."""
    if url := os.environ.get("MESSAGEBUS_TEST_REDIS_URL"):
        yield url
        return
    with RedisServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """Yield the URL of a NATS server that all tests share: take names from *unique_name*."""
    if url := os.environ.get("MESSAGEBUS_TEST_NATS_URL"):
        yield url
        return
    with NatsServer() as server:
        yield server.url


@pytest.fixture
def unique_name() -> str:
    """Return a name for a stream, a subject or a key that no other test uses."""
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Yield a running PostgreSQL server that the test may stop, kill and freeze."""
    with PostgresServer(os.environ.get("MESSAGEBUS_TEST_POSTGRES_VERSION", "18")) as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """Yield a running Redis server that the test may stop, kill and freeze."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_nats() -> Iterator[NatsServer]:
    """Yield a running NATS server that the test may stop, kill and freeze."""
    with NatsServer() as server:
        yield server

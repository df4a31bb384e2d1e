"""Collect the blocks of the documentation, and mark the tests that take long."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from sybil.integration.pytest import SybilItem

from tests.pages import collect_blocks, names_a_server, starts_a_process
from tests.servers import Server

pytest_collect_file = collect_blocks
pytest_plugins = ["messagebus_pytest", "pytester"]  # the first, where it is not installed

CHAOS = Path(__file__).parent / "tests" / "chaos"
SERVER_FIXTURES = {
    "kafka_url",
    "nats_url",
    "own_kafka",
    "proxied",
    "own_nats",
    "own_postgres",
    "own_rabbitmq",
    "own_redis",
    "postgres_server_url",
    "rabbitmq_url",
    "redis_cluster",
    "redis_url",
}
PROCESS_FIXTURE = "start"  # runs the command line


def pytest_itemcollected(item: pytest.Item) -> None:
    """Set the markers that follow from what a test uses or where it lives."""
    if needs_server(item):
        item.add_marker("server")
    if starts_processes(item):
        item.add_marker("slow")


def needs_server(item: pytest.Item) -> bool:
    """Tell whether a test, or the page that a block is from, connects to a server."""
    if isinstance(item, SybilItem):
        return names_a_server(item.path)
    if not isinstance(item, pytest.Function):
        return False
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return not SERVER_FIXTURES.isdisjoint(item.fixturenames) or any(
        value == "postgresql" or (isinstance(value, type) and issubclass(value, Server))
        for value in parameters
    )


def starts_processes(item: pytest.Item) -> bool:
    """Tell whether a test, or the page that a block is from, runs the command line or programs."""
    if isinstance(item, SybilItem):
        return starts_a_process(item.path)
    return CHAOS in item.path.parents or PROCESS_FIXTURE in getattr(item, "fixturenames", ())


def pytest_collection_finish() -> None:
    """Spare each garbage collection the modules and tests, which stay until the end."""
    gc.freeze()

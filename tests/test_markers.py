"""The markers that `conftest.py` sets: `pytest -m "not slow and not server"` relies on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import names_a_server
from .servers import NatsServer, RedisServer

DOCS = Path(__file__).parents[1] / "docs"


def marked(request: pytest.FixtureRequest) -> bool:
    """Tell whether the running test carries the marker *server*."""
    return request.node.get_closest_marker("server") is not None


@pytest.fixture
def url(redis_url: str) -> str:
    """Return the URL of a server by way of another fixture."""
    return redis_url


def test_a_fixture_that_starts_a_server_marks_the_test(
    url: str, request: pytest.FixtureRequest
) -> None:
    """It does so as well when another fixture asks for it."""
    assert marked(request)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_name_of_a_server_among_the_parameters_marks_the_test(
    database: str, request: pytest.FixtureRequest
) -> None:
    """Only the variant that needs the server is marked, so that the other one stays quick."""
    assert (database == "postgresql") == marked(request)


@pytest.mark.parametrize("kind", [RedisServer, NatsServer])
def test_a_kind_of_server_among_the_parameters_marks_the_test(
    kind: type, request: pytest.FixtureRequest
) -> None:
    """A test that starts the server by itself is marked as well."""
    assert marked(request)


def test_a_test_without_a_server_is_not_marked(
    unique_name: str, request: pytest.FixtureRequest
) -> None:
    """Nothing else sets the marker."""
    assert not marked(request)


@pytest.mark.parametrize(("page", "server"), [("durability/transports", True), ("index", False)])
def test_a_page_that_connects_to_a_server_is_marked(page: str, server: bool) -> None:
    """All blocks of the page are, since they build on each other."""
    assert server == names_a_server(DOCS / f"{page}.md")

from __future__ import annotations

import subprocess
import sys

import pytest

from messagebus.adapters.factory import async_transport_from_url, sync_transport_from_url
from messagebus.exceptions import ConfigurationError

URLS = {
    "memory:": "MemoryTransport",
    "nats://localhost?stream=EVENTS&subject=events.{name}": "NatsTransport",
    "redis://localhost/0?stream=events": "RedisTransport",
    "rediss://localhost/0?stream=events": "RedisTransport",
    "stdout:": "StdoutTransport",
    "tls://localhost?stream=EVENTS&subject=events": "NatsTransport",
    "unix:///run/redis.sock?stream=events": "RedisTransport",
}


@pytest.mark.parametrize(("url", "name"), URLS.items())
def test_a_scheme_leads_to_a_transport_of_either_colour(url: str, name: str) -> None:
    """One URL serves both; nothing is connected before something is sent."""
    assert f"Async{name}" == type(async_transport_from_url(url)).__name__
    assert f"Sync{name}" == type(sync_transport_from_url(url)).__name__


@pytest.mark.parametrize("url", ["amqp://localhost", "stdout", ""])
def test_an_unknown_scheme_is_refused(url: str) -> None:
    """The error lists the known schemes."""
    with pytest.raises(ConfigurationError, match=r"use one of memory, nats, redis, "):
        async_transport_from_url(url)
    with pytest.raises(ConfigurationError, match=r"use one of memory, nats, redis, "):
        sync_transport_from_url(url)


PROGRAM = """
import sys
from messagebus.adapters.factory import sync_transport_from_url
assert not {"redis", "nats"} & sys.modules.keys()
sync_transport_from_url("stdout:")
sync_transport_from_url("memory:")
assert not {"redis", "nats"} & sys.modules.keys()
sys.modules[sys.argv[1]] = None  # not installed
try:
    sync_transport_from_url(sys.argv[2])
except ImportError as error:
    print(error.extra, error)
"""


@pytest.mark.parametrize(
    ("extra", "url"),
    [("redis", "redis://localhost?stream=a"), ("nats", "nats://localhost?stream=a&subject=a")],
)
def test_a_missing_library_is_reported_with_its_extra(extra: str, url: str) -> None:
    """No library is imported before it is needed; then the error says how to install it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, extra, url], capture_output=True, text=True, check=True
    )

    assert f"{extra} messagebus.adapters.{extra} needs the extra {extra!r}: " in done.stdout


def test_a_password_is_in_no_error() -> None:
    """Errors describe the mistake without the URL."""
    with pytest.raises(ConfigurationError) as failure:
        sync_transport_from_url("redis://user:secret@localhost?stream=a&create=maybe")

    assert "secret" not in str(failure.value)

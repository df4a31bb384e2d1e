"""Transports and sources for URLs; an adapter is imported when its scheme is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

from .._urls import ensure_encoded
from ..exceptions import ConfigurationError
from ..inbox._async.source import AsyncAbstractSource
from ..inbox._sync.source import SyncAbstractSource
from ..service._async.eventstream import AsyncAbstractEventstreamTransport
from ..service._sync.eventstream import SyncAbstractEventstreamTransport

__all__ = [
    "adapter_of",
    "async_source_from_url",
    "async_transport_from_url",
    "sync_source_from_url",
    "sync_transport_from_url",
]

_ADAPTERS = {
    "amqp": ("rabbitmq", "Rabbitmq"),
    "amqps": ("rabbitmq", "Rabbitmq"),
    "kafka": ("kafka", "Kafka"),
    "kafkas": ("kafka", "Kafka"),
    "memory": ("memory", "Memory"),
    "nats": ("nats", "Nats"),
    "redis": ("redis", "Redis"),
    "rediss": ("redis", "Redis"),
    "stdout": ("stdout", "Stdout"),
    "tls": ("nats", "Nats"),
    "unix": ("redis", "Redis"),
}
_WITHOUT_HOST = {"memory", "stdout"}
_WITHOUT_SOURCE = {"stdout"}


def async_transport_from_url(url: str) -> AsyncAbstractEventstreamTransport:
    """Create a transport for code that runs in an event loop.

    Args:
        url: ``redis://host:6379/0?stream=events``,
            ``nats://host:4222?stream=EVENTS&subject=events.{name}``,
            ``amqp://host/vhost?exchange=events``, ``kafka://host:9092?topic=events``,
            ``stdout:`` or ``memory:``.
            The query takes the other arguments of the transport, such as ``&create=true``.

    Raises:
        ConfigurationError: the scheme or an option is unknown, an option is wrong, or a password is
            not percent-encoded.
        MissingExtraError: the library of the adapter is not installed.
    """
    transport: AsyncAbstractEventstreamTransport = _adapter(url, "Async", "Transport").from_url(url)
    return transport


def sync_transport_from_url(url: str) -> SyncAbstractEventstreamTransport:
    """Create a transport for plain code.

    Args:
        url: ``redis://host:6379/0?stream=events``,
            ``nats://host:4222?stream=EVENTS&subject=events.{name}``,
            ``amqp://host/vhost?exchange=events``, ``kafka://host:9092?topic=events``,
            ``stdout:`` or ``memory:``.
            The query takes the other arguments of the transport, such as ``&create=true``.

    Raises:
        ConfigurationError: the scheme or an option is unknown, an option is wrong, or a password is
            not percent-encoded.
        MissingExtraError: the library of the adapter is not installed.
    """
    transport: SyncAbstractEventstreamTransport = _adapter(url, "Sync", "Transport").from_url(url)
    return transport


def async_source_from_url(url: str, consumer: str) -> AsyncAbstractSource:
    """Create a source for code that runs in an event loop.

    Args:
        url: with the same schemes as that of a transport. The query takes the arguments of the
            source, such as ``&create=true``.
        consumer: the name of the consumer; each name gets every message.

    Raises:
        ConfigurationError: the scheme or an option is unknown, an option is wrong, or a password is
            not percent-encoded.
        MissingExtraError: the library of the adapter is not installed.
    """
    source: AsyncAbstractSource = _adapter(url, "Async", "Source").from_url(url, consumer)
    return source


def sync_source_from_url(url: str, consumer: str) -> SyncAbstractSource:
    """Create a source for plain code.

    Args:
        url: with the same schemes as that of a transport. The query takes the arguments of the
            source, such as ``&create=true``.
        consumer: the name of the consumer; each name gets every message.

    Raises:
        ConfigurationError: the scheme or an option is unknown, an option is wrong, or a password is
            not percent-encoded.
        MissingExtraError: the library of the adapter is not installed.
    """
    source: SyncAbstractSource = _adapter(url, "Sync", "Source").from_url(url, consumer)
    return source


def adapter_of(url: str, kind: Literal["Transport", "Source"]) -> str:
    """Return the name of the adapter for a URL, such as ``redis``, without importing it.

    Args:
        url: the URL of a transport or a source.
        kind: what the adapter must have.

    Raises:
        ConfigurationError: the scheme is unknown, or a password is not percent-encoded.
    """
    return _entry_of(url, kind)[0]


def _adapter(url: str, flavour: str, kind: Literal["Transport", "Source"]) -> Any:
    module, name = _entry_of(url, kind)
    return getattr(import_module(f"{__package__}.{module}"), f"{flavour}{name}{kind}")


def _entry_of(url: str, kind: Literal["Transport", "Source"]) -> tuple[str, str]:
    ensure_encoded(url)
    scheme, colon, _ = url.lower().partition(":")
    known = _ADAPTERS.keys() - (_WITHOUT_SOURCE if kind == "Source" else ())
    if not colon or scheme not in known:
        shown = repr(scheme) if colon else "of this URL"
        forms = (f"{each}:" if each in _WITHOUT_HOST else f"{each}://" for each in sorted(known))
        problem = f"No {kind.lower()} has the scheme {shown}; use one of {', '.join(forms)}"
        raise ConfigurationError(problem)
    return _ADAPTERS[scheme]

"""Transports created from URLs; an adapter is imported when its scheme is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .._urls import ensure_encoded
from ..exceptions import ConfigurationError
from ..service._async.eventstream import AsyncAbstractEventstreamTransport
from ..service._sync.eventstream import SyncAbstractEventstreamTransport

__all__ = ["async_transport_from_url", "sync_transport_from_url"]

_ADAPTERS = {
    "memory": ("memory", "MemoryTransport"),
    "nats": ("nats", "NatsTransport"),
    "redis": ("redis", "RedisTransport"),
    "rediss": ("redis", "RedisTransport"),
    "stdout": ("stdout", "StdoutTransport"),
    "tls": ("nats", "NatsTransport"),
    "unix": ("redis", "RedisTransport"),
}


def async_transport_from_url(url: str) -> AsyncAbstractEventstreamTransport:
    """Create a transport for code that runs in an event loop.

    Args:
        url: ``redis://host:6379/0?stream=events``,
            ``nats://host:4222?stream=EVENTS&subject=events.{name}``, ``stdout:`` or ``memory:``.
            The query takes the other arguments of the transport, such as ``&create=true``.

    Raises:
        ConfigurationError: the scheme or an option is unknown, an option is wrong, or a password is
            not percent-encoded.
        MissingExtraError: the library of the adapter is not installed.
    """
    transport: AsyncAbstractEventstreamTransport = _adapter(url, "Async").from_url(url)
    return transport


def sync_transport_from_url(url: str) -> SyncAbstractEventstreamTransport:
    """Create a transport for plain code.

    Args:
        url: ``redis://host:6379/0?stream=events``,
            ``nats://host:4222?stream=EVENTS&subject=events.{name}``, ``stdout:`` or ``memory:``.
            The query takes the other arguments of the transport, such as ``&create=true``.

    Raises:
        ConfigurationError: the scheme or an option is unknown, an option is wrong, or a password is
            not percent-encoded.
        MissingExtraError: the library of the adapter is not installed.
    """
    transport: SyncAbstractEventstreamTransport = _adapter(url, "Sync").from_url(url)
    return transport


def _adapter(url: str, flavour: str) -> Any:
    ensure_encoded(url)
    scheme, colon, _ = url.lower().partition(":")
    if not colon or scheme not in _ADAPTERS:
        known = ", ".join(sorted(_ADAPTERS))
        shown = repr(scheme) if colon else "of this URL"
        problem = f"No transport has the scheme {shown}; use one of {known}"
        raise ConfigurationError(problem)
    module, name = _ADAPTERS[scheme]
    return getattr(import_module(f"{__package__}.{module}"), f"{flavour}{name}")

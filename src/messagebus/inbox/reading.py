"""Reading a delivery: its identity, its place in the order, and its message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from ..serialization.wire import parse_id
from .backlog import Held
from .delivery import Delivery

# Of identifiers that are made of the bytes of what has none; drawn once.
_NAMESPACE = UUID("6f0f4c1e-92a1-4b0c-9b43-3d9d5f0f7a51")


def hold(delivery: Delivery) -> Held:
    """Return a delivery with its identifier, its ordering key and its correlation.

    Whatever a sender has written, this does not fail: what cannot be read is None, and a message
    without an identifier gets one that is made of its bytes and its origin.
    """
    wire: Mapping[str, Any] = delivery.wire or {}
    key = wire.get("ordering_key")
    return Held(
        delivery,
        _uuid(wire.get("id")) or _made_of(delivery),
        str(key) if key is not None else None,
        _uuid(wire.get("correlation_id")),
        alone=delivery.redelivered is True,
        counted=delivery.redelivered is True,
    )


def _uuid(value: object) -> UUID | None:
    try:
        return parse_id(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _made_of(delivery: Delivery) -> UUID:
    return uuid5(_NAMESPACE, f"{delivery.origin}\n{delivery.body.hex()}")

"""The events of the shop that matter here, as far as they matter here.

The service shares no code with the shop. It knows the names and versions of the events, and
ignores the fields that it does not need.
"""

from __future__ import annotations

from pydantic import BaseModel

from messagebus import Event, Metadata


class OrderLine(BaseModel):
    """One product of an order and its quantity."""

    sku: str
    quantity: int


class OrderTaken(Event):
    """The shop has taken an order."""

    order_id: str
    lines: list[OrderLine]
    metadata: Metadata = Metadata(name="order_taken", schema_version=1)


class OrderCancelled(Event):
    """The shop has cancelled an order."""

    order_id: str
    metadata: Metadata = Metadata(name="order_cancelled", schema_version=1)

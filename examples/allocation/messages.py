"""The commands and events of the service, and the one event of another service that it hears."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from messagebus import Command, Event, Field, Metadata, Returns

Name = Annotated[str, Field(min_length=1, max_length=40)]
"""A name that people or other systems have given: of a batch, a product or an order."""

Quantity = Annotated[int, Field(ge=1)]
"""Number of pieces."""


class CreateBatch(Command, extra="forbid"):
    """Enter a batch that was bought."""

    ref: Name
    sku: Name
    quantity: Quantity
    eta: date | None = None
    metadata: Metadata = Metadata(name="create_batch", schema_version=1)


class Allocate(Command, Returns[str | None], extra="forbid"):
    """Allocate a line of an order; the result is the batch, or None if no batch has enough."""

    order_id: Name
    sku: Name
    quantity: Quantity
    metadata: Metadata = Metadata(name="allocate", schema_version=1)


class Allocated(Event):
    """A line of an order has got a batch."""

    order_id: str
    sku: str
    quantity: int
    batch: str
    metadata: Metadata = Metadata(name="allocated", schema_version=1, published=True)
    ordering_key = "sku"


class Deallocated(Event):
    """A line of an order has lost its batch."""

    order_id: str
    sku: str
    quantity: int
    metadata: Metadata = Metadata(name="deallocated", schema_version=1, published=True)
    ordering_key = "sku"


class OutOfStock(Event):
    """No batch has enough of a product."""

    sku: str
    metadata: Metadata = Metadata(name="out_of_stock", schema_version=1)


class BatchQuantityChanged(Event):
    """The warehouse has counted the pieces of a batch. It is published there, and heard here."""

    ref: Name
    quantity: Annotated[int, Field(ge=0)]
    metadata: Metadata = Metadata(name="batch_quantity_changed", schema_version=1)
    ordering_key = "ref"

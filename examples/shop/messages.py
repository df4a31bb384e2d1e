"""The commands that the shop takes and the events that it raises."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from messagebus import Command, Event, Field, Metadata, Returns

Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")]
"""SKU of a product or id of an order: letters, digits and dashes."""

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\P{C}+$")]
"""Name of a product, without control characters."""

Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
"""Number of items ordered or delivered."""

Level = Annotated[int, Field(ge=0, le=1_000_000)]
"""Number of items in stock."""


class OrderLine(BaseModel):
    """One product of an order and its quantity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: Code
    quantity: Quantity


class ShopCommand(Command):
    """Base class of the shop's commands. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class RegisterProduct(ShopCommand):
    """Add a product. At or below *reorder_level* its stock counts as low."""

    sku: Code
    name: Name
    stock: Level = 0
    reorder_level: Level = 0
    metadata: Metadata = Metadata(name="register_product", schema_version=1)


class Restock(ShopCommand, Returns[int]):
    """Add a delivery to the stock and return the new stock."""

    sku: Code
    quantity: Quantity
    metadata: Metadata = Metadata(name="restock", schema_version=1)


class TakeOrder(ShopCommand):
    """Take an order if every product is in stock."""

    order_id: Code
    lines: Annotated[list[OrderLine], Field(min_length=1)]
    metadata: Metadata = Metadata(name="take_order", schema_version=1)


class CancelOrder(ShopCommand):
    """Cancel an order and release its stock."""

    order_id: Code
    metadata: Metadata = Metadata(name="cancel_order", schema_version=1)


class ProductRegistered(Event):
    """A product was added."""

    sku: Code
    name: Name
    metadata: Metadata = Metadata(name="product_registered", schema_version=1, published=True)


class OrderTaken(Event):
    """An order was taken. Its handler reserves the stock."""

    order_id: Code
    lines: list[OrderLine]
    metadata: Metadata = Metadata(name="order_taken", schema_version=1, published=True)


class OrderCancelled(Event):
    """An order was cancelled. Its handler releases the stock."""

    order_id: Code
    lines: list[OrderLine]
    metadata: Metadata = Metadata(name="order_cancelled", schema_version=1, published=True)


class StockLow(Event):
    """The stock of a product is at or below its reorder level."""

    sku: Code
    stock: int
    metadata: Metadata = Metadata(name="stock_low", schema_version=1)


class RestockRequested(Event):
    """The shop asked its supplier for more of a product."""

    sku: Code
    stock: int
    metadata: Metadata = Metadata(name="restock_requested", schema_version=1, published=True)

"""What the shop is asked to do, and what has happened in it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from messagebus import Command, Event, Field, Metadata, Returns

Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")]
"""The sku of a product or the id of an order: letters, digits and dashes."""

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\P{C}+$")]
"""The name of a product, free of control characters."""

Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
"""How much of a product is ordered, or comes in."""

Level = Annotated[int, Field(ge=0, le=1_000_000)]
"""How much of a product there is, or has to be."""


class OrderLine(BaseModel):
    """One product of an order, and how much of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sku: Code
    quantity: Quantity


class ShopCommand(Command):
    """Base of the shop's commands: a field that they do not know is an error."""

    model_config = ConfigDict(extra="forbid")


class RegisterProduct(ShopCommand):
    """Offer a product; ask for more of it whenever its stock is at *reorder_level* or below."""

    sku: Code
    name: Name
    stock: Level = 0
    reorder_level: Level = 0
    metadata: Metadata = Metadata(name="register_product", schema_version=1)


class Restock(ShopCommand, Returns[int]):
    """Put what has come in to the stock, and return how much there is now."""

    sku: Code
    quantity: Quantity
    metadata: Metadata = Metadata(name="restock", schema_version=1)


class TakeOrder(ShopCommand):
    """Take an order, if there is enough of everything."""

    order_id: Code
    lines: Annotated[list[OrderLine], Field(min_length=1)]
    metadata: Metadata = Metadata(name="take_order", schema_version=1)


class CancelOrder(ShopCommand):
    """Cancel an order and release what was reserved for it."""

    order_id: Code
    metadata: Metadata = Metadata(name="cancel_order", schema_version=1)


class ProductRegistered(Event):
    """A product is offered."""

    sku: Code
    name: Name
    metadata: Metadata = Metadata(name="product_registered", schema_version=1, published=True)


class ProductRestocked(Event):
    """More of a product has come in."""

    sku: Code
    quantity: Quantity
    metadata: Metadata = Metadata(name="product_restocked", schema_version=1)


class OrderTaken(Event):
    """An order was taken; its stock is still to be reserved."""

    order_id: Code
    lines: list[OrderLine]
    metadata: Metadata = Metadata(name="order_taken", schema_version=1, published=True)


class OrderCancelled(Event):
    """An order was cancelled; its stock is still to be released."""

    order_id: Code
    lines: list[OrderLine]
    metadata: Metadata = Metadata(name="order_cancelled", schema_version=1, published=True)


class StockReserved(Event):
    """Some of the stock belongs to an order."""

    sku: Code
    order_id: Code
    quantity: Quantity
    metadata: Metadata = Metadata(name="stock_reserved", schema_version=1)


class StockReleased(Event):
    """What belonged to an order is free again."""

    sku: Code
    order_id: Code
    quantity: Quantity
    metadata: Metadata = Metadata(name="stock_released", schema_version=1)


class StockLow(Event):
    """The stock of a product is at its reorder level or below."""

    sku: Code
    stock: int
    metadata: Metadata = Metadata(name="stock_low", schema_version=1)


class RestockRequested(Event):
    """The shop asks its supplier for more of a product."""

    sku: Code
    stock: int
    metadata: Metadata = Metadata(name="restock_requested", schema_version=1, published=True)

"""The rules of the shop that a command can break.

The texts are for the person who sent the command.
"""

from __future__ import annotations


class ShopError(Exception):
    """Base of every rule that a command can break."""


class DuplicateProductError(ShopError):
    """A product is registered under a sku that is taken."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"product {sku} is registered already")
        self.sku = sku


class UnknownProductError(ShopError):
    """A sku that no product has."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"unknown product {sku}")
        self.sku = sku


class OutOfStockError(ShopError):
    """More is ordered than there is."""

    def __init__(self, sku: str, ordered: int, stock: int) -> None:
        super().__init__(f"quantity beyond stock: {ordered} of {sku} ordered, {stock} in stock")
        self.sku = sku
        self.ordered = ordered
        self.stock = stock


class DuplicateOrderError(ShopError):
    """An order is taken under an id that is taken."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} exists already")
        self.order_id = order_id


class UnknownOrderError(ShopError):
    """An id that no order has."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"unknown order {order_id}")
        self.order_id = order_id


class AlreadyCancelledError(ShopError):
    """An order is cancelled for the second time."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} is cancelled already")
        self.order_id = order_id

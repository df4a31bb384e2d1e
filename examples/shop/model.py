"""Products and orders, with the rules that they enforce."""

from __future__ import annotations

from messagebus import Model

from .messages import (
    OrderCancelled,
    OrderLine,
    OrderTaken,
    ProductRegistered,
    RestockRequested,
    StockLow,
)


class ShopError(Exception):
    """Base class of the errors raised by a command that breaks a rule of the shop."""


class DuplicateError(ShopError):
    """A product or an order with this key exists already."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key} exists already")
        self.kind, self.key = kind, key


class UnknownError(ShopError):
    """No product or order has this key."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"there is no {kind} {key}")
        self.kind, self.key = kind, key


class OutOfStockError(ShopError):
    """The order exceeds the stock of a product."""

    def __init__(self, sku: str, ordered: int, stock: int) -> None:
        super().__init__(f"{ordered} of {sku} ordered, but {stock} in stock")
        self.sku, self.ordered, self.stock = sku, ordered, stock


class AlreadyCancelledError(ShopError):
    """The order was cancelled before."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} is cancelled already")
        self.order_id = order_id


class Product(Model):
    """A product and its available stock; reserved items are not part of it."""

    sku: str
    name: str
    stock: int
    reorder_level: int
    restock_requested: bool = False

    @classmethod
    def register(cls, sku: str, name: str, stock: int, reorder_level: int) -> Product:
        """Create a product."""
        product = cls(sku=sku, name=name, stock=stock, reorder_level=reorder_level)
        product.messages.append(ProductRegistered(sku=sku, name=name))
        product._check_level()
        return product

    def reserve(self, quantity: int) -> None:
        """Reserve stock for an order.

        Raises:
            OutOfStockError: the stock is smaller than *quantity*.
        """
        if quantity > self.stock:
            raise OutOfStockError(self.sku, quantity, self.stock)
        self.stock -= quantity
        self._check_level()

    def release(self, quantity: int) -> None:
        """Make stock available again that was reserved for an order."""
        self.stock += quantity

    def restock(self, quantity: int) -> None:
        """Add a delivery; after it, the product may be requested again."""
        self.stock += quantity
        self.restock_requested = False
        self._check_level()

    def request_restock(self) -> None:
        """Request more from the supplier, once until the next delivery."""
        if not self.restock_requested:
            self.restock_requested = True
            self.messages.append(RestockRequested(sku=self.sku, stock=self.stock))

    def _check_level(self) -> None:
        if self.stock <= self.reorder_level:
            self.messages.append(StockLow(sku=self.sku, stock=self.stock))


class Order(Model):
    """An order that the shop has taken."""

    order_id: str
    lines: list[OrderLine]
    cancelled: bool = False

    @classmethod
    def take(cls, order_id: str, lines: list[OrderLine]) -> Order:
        """Create an order."""
        order = cls(order_id=order_id, lines=lines)
        order.messages.append(OrderTaken(order_id=order_id, lines=lines))
        return order

    def cancel(self) -> None:
        """Cancel the order.

        Raises:
            AlreadyCancelledError: the order was cancelled before.
        """
        if self.cancelled:
            raise AlreadyCancelledError(self.order_id)
        self.cancelled = True
        self.messages.append(OrderCancelled(order_id=self.order_id, lines=self.lines))

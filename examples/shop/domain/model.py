"""What the shop keeps: products with their stock, and orders."""

from __future__ import annotations

from messagebus import Model

from .errors import AlreadyCancelledError, OutOfStockError
from .messages import (
    OrderCancelled,
    OrderLine,
    OrderTaken,
    ProductRegistered,
    ProductRestocked,
    RestockRequested,
    StockLow,
    StockReleased,
    StockReserved,
)


class Product(Model):
    """A product and its stock.

    The stock is what can still be ordered: what belongs to an order is not part of it.
    """

    sku: str
    name: str
    stock: int
    reorder_level: int
    restock_requested: bool = False

    @classmethod
    def register(cls, sku: str, name: str, stock: int, reorder_level: int) -> Product:
        """Offer a new product."""
        product = cls(sku=sku, name=name, stock=stock, reorder_level=reorder_level)
        product.messages.append(ProductRegistered(sku=sku, name=name))
        product._watch_stock()
        return product

    def reserve(self, quantity: int, order_id: str) -> None:
        """Set some of the stock aside for an order.

        Raises:
            OutOfStockError: there is less than that.
        """
        if quantity > self.stock:
            raise OutOfStockError(self.sku, quantity, self.stock)
        self.stock -= quantity
        self.messages.append(StockReserved(sku=self.sku, order_id=order_id, quantity=quantity))
        self._watch_stock()

    def release(self, quantity: int, order_id: str) -> None:
        """Give back what was set aside for an order."""
        self.stock += quantity
        self.messages.append(StockReleased(sku=self.sku, order_id=order_id, quantity=quantity))

    def restock(self, quantity: int) -> None:
        """Add what has come in; from now on, more may be requested again."""
        self.stock += quantity
        self.restock_requested = False
        self.messages.append(ProductRestocked(sku=self.sku, quantity=quantity))
        self._watch_stock()

    def request_restock(self) -> None:
        """Ask for more, unless that was done since the last time that some came in."""
        if not self.restock_requested:
            self.restock_requested = True
            self.messages.append(RestockRequested(sku=self.sku, stock=self.stock))

    def _watch_stock(self) -> None:
        if self.stock <= self.reorder_level:
            self.messages.append(StockLow(sku=self.sku, stock=self.stock))


class Order(Model):
    """An order that the shop has taken."""

    order_id: str
    lines: list[OrderLine]
    cancelled: bool = False

    @classmethod
    def take(cls, order_id: str, lines: list[OrderLine]) -> Order:
        """Take a new order."""
        order = cls(order_id=order_id, lines=lines)
        order.messages.append(OrderTaken(order_id=order_id, lines=lines))
        return order

    def cancel(self) -> None:
        """Cancel the order.

        Raises:
            AlreadyCancelledError: it was cancelled before.
        """
        if self.cancelled:
            raise AlreadyCancelledError(self.order_id)
        self.cancelled = True
        self.messages.append(OrderCancelled(order_id=self.order_id, lines=self.lines))

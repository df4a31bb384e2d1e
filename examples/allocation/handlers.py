"""The reaction to each message."""

from __future__ import annotations

from messagebus import sync_listen

from .messages import Allocate, BatchQuantityChanged, CreateBatch, Deallocated, OutOfStock
from .model import Batch, OrderLine, Product
from .notifications import Notifications
from .unit_of_work import UnitOfWork


@sync_listen
def create_batch(command: CreateBatch, uow: UnitOfWork) -> None:
    """Enter a batch; the first one of a SKU makes the product known."""
    product = uow.products.find(command.sku)
    if product is None:
        product = Product(command.sku)
        uow.products.add(product)
    product.add_batch(Batch(command.ref, command.sku, command.quantity, command.eta))


@sync_listen
def allocate(command: Allocate, uow: UnitOfWork) -> str | None:
    """Allocate a line of an order."""
    product = uow.products.get(command.sku)
    return product.allocate(OrderLine(command.order_id, command.sku, command.quantity))


@sync_listen
def change_batch_quantity(event: BatchQuantityChanged, uow: UnitOfWork) -> None:
    """Believe the warehouse."""
    uow.products.get_by_batch(event.ref).change_quantity(event.ref, event.quantity)


@sync_listen
def reallocate(event: Deallocated, uow: UnitOfWork) -> None:
    """Look for another batch for a line that has lost its own."""
    product = uow.products.get(event.sku)
    product.allocate(OrderLine(event.order_id, event.sku, event.quantity))


@sync_listen
def tell_buyers(event: OutOfStock, uow: UnitOfWork, notifications: Notifications) -> None:  # noqa: ARG001
    """Tell those who buy that a product has run out."""
    notifications.send("buyers@example.com", f"Out of stock: {event.sku}")

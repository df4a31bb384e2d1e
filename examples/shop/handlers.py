"""The handlers of commands and events.

Handlers call models, and models raise the events. The handlers of these events run in the
transaction of the command, so an event handler that breaks a rule refuses the whole command.
"""

from __future__ import annotations

from messagebus import async_listen

from .messages import (
    CancelOrder,
    OrderCancelled,
    OrderTaken,
    RegisterProduct,
    Restock,
    StockLow,
    TakeOrder,
)
from .model import Order, Product
from .unit_of_work import UnitOfWork


@async_listen
async def register_product(command: RegisterProduct, uow: UnitOfWork) -> None:
    """Add a product."""
    product = Product.register(command.sku, command.name, command.stock, command.reorder_level)
    await uow.products.add(product)


@async_listen
async def restock(command: Restock, uow: UnitOfWork) -> int:
    """Add a delivery to the stock and return the new stock."""
    product = await uow.products.get(command.sku)
    product.restock(command.quantity)
    return product.stock


@async_listen
async def take_order(command: TakeOrder, uow: UnitOfWork) -> None:
    """Take an order."""
    await uow.orders.add(Order.take(command.order_id, command.lines))


@async_listen
async def cancel_order(command: CancelOrder, uow: UnitOfWork) -> None:
    """Cancel an order."""
    order = await uow.orders.get(command.order_id)
    order.cancel()


@async_listen
async def reserve_stock(event: OrderTaken, uow: UnitOfWork) -> None:
    """Reserve the ordered stock; one product out of stock refuses the whole order."""
    for line in event.lines:
        product = await uow.products.get(line.sku)
        product.reserve(line.quantity)


@async_listen
async def release_stock(event: OrderCancelled, uow: UnitOfWork) -> None:
    """Release the stock of a cancelled order."""
    for line in event.lines:
        product = await uow.products.get(line.sku)
        product.release(line.quantity)


@async_listen
async def request_restock(event: StockLow, uow: UnitOfWork) -> None:
    """Request more of a product whose stock is low."""
    product = await uow.products.get(event.sku)
    product.request_restock()

"""What the shop does on each message.

A handler does one thing and raises no event itself: the models do. Whatever an event leads to
happens in the transaction of the command, so that a rule broken there refuses the command.
"""

from __future__ import annotations

from messagebus import async_listen

from ..domain.messages import (
    CancelOrder,
    OrderCancelled,
    OrderTaken,
    RegisterProduct,
    Restock,
    StockLow,
    TakeOrder,
)
from ..domain.model import Order, Product
from .unit_of_work import AbstractUnitOfWork


@async_listen
async def register_product(command: RegisterProduct, uow: AbstractUnitOfWork) -> None:
    """Offer a new product."""
    await uow.products.add(
        Product.register(command.sku, command.name, command.stock, command.reorder_level)
    )


@async_listen
async def restock(command: Restock, uow: AbstractUnitOfWork) -> int:
    """Put to the stock what has come in; return the stock."""
    product = await uow.products.get(command.sku)
    product.restock(command.quantity)
    return product.stock


@async_listen
async def take_order(command: TakeOrder, uow: AbstractUnitOfWork) -> None:
    """Take a new order."""
    await uow.orders.add(Order.take(command.order_id, command.lines))


@async_listen
async def cancel_order(command: CancelOrder, uow: AbstractUnitOfWork) -> None:
    """Cancel an order."""
    order = await uow.orders.get(command.order_id)
    order.cancel()


@async_listen
async def reserve_stock(event: OrderTaken, uow: AbstractUnitOfWork) -> None:
    """Set aside what was ordered; too little of one product refuses the whole order."""
    for line in event.lines:
        product = await uow.products.get(line.sku)
        product.reserve(line.quantity, event.order_id)


@async_listen
async def release_stock(event: OrderCancelled, uow: AbstractUnitOfWork) -> None:
    """Give back what was set aside."""
    for line in event.lines:
        product = await uow.products.get(line.sku)
        product.release(line.quantity, event.order_id)


@async_listen
async def request_restock(event: StockLow, uow: AbstractUnitOfWork) -> None:
    """Ask for more of a product that runs low."""
    product = await uow.products.get(event.sku)
    product.request_restock()

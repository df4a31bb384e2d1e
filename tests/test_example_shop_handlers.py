"""The shop of the examples, tested in the process: so is an application like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from examples.shop.adapters.memory import MemoryUnitOfWork
from examples.shop.bootstrap import new_bus
from examples.shop.domain.errors import (
    AlreadyCancelledError,
    DuplicateOrderError,
    DuplicateProductError,
    OutOfStockError,
    UnknownOrderError,
    UnknownProductError,
)
from examples.shop.domain.messages import (
    CancelOrder,
    OrderLine,
    RegisterProduct,
    Restock,
    StockLow,
    StockReserved,
    TakeOrder,
)
from examples.shop.domain.model import Order, Product
from examples.shop.service.handlers import take_order
from examples.shop.service.unit_of_work import Repositories
from messagebus import AsyncMessageBus, Command, Message
from messagebus.adapters.memory import AsyncMemoryTransport


@dataclass
class Shop:
    """The shop on its fast fakes: everything is in memory."""

    bus: AsyncMessageBus[Repositories] = field(default_factory=new_bus)
    transport: AsyncMemoryTransport = field(default_factory=AsyncMemoryTransport)

    def __post_init__(self) -> None:
        self.uow = MemoryUnitOfWork(self.transport)

    async def execute(self, command: Command) -> None:
        """Handle a command in a transaction of its own."""
        async with self.uow as transaction:
            await self.bus.handle(command, transaction)
            await transaction.commit()


def line_of(sku: str, quantity: int) -> OrderLine:
    """Build an order line."""
    return OrderLine(sku=sku, quantity=quantity)


def names(messages: Iterable[Message[Any]]) -> list[str]:
    """Name messages as their metadata does."""
    return [each.metadata.name for each in messages]


@pytest.fixture
async def shop() -> Shop:
    """A shop with ten of a tea, of which five are to be there."""
    shop = Shop()
    await shop.execute(RegisterProduct(sku="TEA-1", name="Tea", stock=10, reorder_level=5))
    return shop


async def product(shop: Shop, sku: str = "TEA-1") -> Product:
    """Look a product up in a transaction that only reads."""
    async with shop.uow as transaction:
        found = await shop.uow.products.get(sku)
        await transaction.rollback()
    return found


def test_a_model_is_tested_without_a_bus() -> None:
    """A rule of the domain needs nothing else: call the model, look at what it has raised."""
    tea = Product(sku="TEA-1", name="Tea", stock=3, reorder_level=1)
    tea.reserve(2, "O-1")
    assert 1 == tea.stock
    assert [
        StockReserved(sku="TEA-1", order_id="O-1", quantity=2),
        StockLow(sku="TEA-1", stock=1),
    ] == tea.messages
    with pytest.raises(OutOfStockError):
        tea.reserve(2, "O-2")


async def test_a_handler_is_tested_as_the_function_it_is() -> None:
    """Decorated or not, a handler takes a message and a unit of work."""
    uow = MemoryUnitOfWork(AsyncMemoryTransport())
    async with uow as transaction:
        await take_order(TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 1)]), uow)
        assert Order(order_id="O-1", lines=[line_of("TEA-1", 1)]) == await uow.orders.get("O-1")
        assert ["order_taken"] == names(uow.collect_new_events())
        await transaction.commit()


async def test_a_command_gives_what_its_handler_returns(shop: Shop) -> None:
    """Restock says that it returns an int, so the type checker knows it, too."""
    async with shop.uow as transaction:
        stock_now: int = await shop.bus.handle(Restock(sku="TEA-1", quantity=5), transaction)
        await transaction.commit()
    assert 15 == stock_now


async def test_messages_are_stored_in_the_order_of_handling(shop: Shop) -> None:
    """First the command, then what it led to, then what that led to."""
    shop.uow.eventstore.messages.clear()
    await shop.execute(TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 6)]))
    assert [
        "take_order",
        "order_taken",
        "stock_reserved",
        "stock_low",
        "restock_requested",
    ] == names(shop.uow.eventstore.messages)


async def test_a_restock_is_requested_once_until_it_comes_in(shop: Shop) -> None:
    """Stock that stays low is no news to the supplier; stock that is low again is."""
    for number in range(3):
        await shop.execute(TakeOrder(order_id=f"O-{number}", lines=[line_of("TEA-1", 3)]))
    await shop.execute(Restock(sku="TEA-1", quantity=1))
    told = Counter(names(shop.uow.eventstore.messages))
    assert (3, 2) == (told["stock_low"], told["restock_requested"])
    assert (await product(shop)).restock_requested


async def test_a_cancelled_order_releases_its_stock(shop: Shop) -> None:
    """What was reserved for an order can be ordered again, once."""
    await shop.execute(TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 6)]))
    await shop.execute(CancelOrder(order_id="O-1"))
    assert 10 == (await product(shop)).stock
    with pytest.raises(AlreadyCancelledError):
        await shop.execute(CancelOrder(order_id="O-1"))
    assert 10 == (await product(shop)).stock


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (RegisterProduct(sku="TEA-1", name="Other"), DuplicateProductError),
        (Restock(sku="TEA-9", quantity=1), UnknownProductError),
        (TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 1)]), DuplicateOrderError),
        (
            TakeOrder(order_id="O-2", lines=[line_of("TEA-1", 9), line_of("TEA-9", 1)]),
            UnknownProductError,
        ),
        (
            TakeOrder(order_id="O-2", lines=[line_of("TEA-1", 5), line_of("TEA-1", 5)]),
            OutOfStockError,
        ),
        (CancelOrder(order_id="O-9"), UnknownOrderError),
    ],
)
async def test_a_command_that_breaks_a_rule_changes_nothing(
    shop: Shop, command: Command, error: type[Exception]
) -> None:
    """A rule broken anywhere in the cascade undoes all of it: models, messages, the stream."""
    await shop.execute(TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 1)]))
    before = await product(shop)
    stored, sent = list(shop.uow.eventstore.messages), list(shop.transport.sent)
    with pytest.raises(error):
        await shop.execute(command)
    assert before == await product(shop)
    async with shop.uow as transaction:
        with pytest.raises(UnknownOrderError):
            await shop.uow.orders.get("O-2")
        await transaction.rollback()
    assert (stored, sent) == (shop.uow.eventstore.messages, shop.transport.sent)


async def test_nothing_is_published_before_the_commit(shop: Shop) -> None:
    """The stream hears of a transaction when it has ended well."""
    shop.transport.sent.clear()
    async with shop.uow as transaction:
        await shop.bus.handle(TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 1)]), transaction)
        await transaction.commit()
        assert [] == shop.transport.sent
    assert ["order_taken_v1"] == [each["type"] for each in shop.transport.sent]


async def test_a_model_of_a_transaction_is_a_copy(shop: Shop) -> None:
    """What happens to a model outside of a transaction does not happen to the shop."""
    await shop.execute(TakeOrder(order_id="O-1", lines=[line_of("TEA-1", 1)]))
    for _ in range(2):
        async with shop.uow as transaction:
            order = await shop.uow.orders.get("O-1")
            await transaction.rollback()
        assert (False, [line_of("TEA-1", 1)]) == (order.cancelled, order.lines)
        order.cancelled = True
        order.lines.clear()

"""The domain and the handlers of the shop, tested as a user tests an application like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from examples.shop.bootstrap import create_tables, new_bus, new_engine
from examples.shop.handlers import take_order
from examples.shop.messages import (
    CancelOrder,
    OrderLine,
    OrderTaken,
    RegisterProduct,
    Restock,
    StockLow,
    TakeOrder,
)
from examples.shop.model import (
    AlreadyCancelledError,
    DuplicateError,
    Order,
    OutOfStockError,
    Product,
    UnknownError,
)
from examples.shop.tables import outbox
from examples.shop.unit_of_work import UnitOfWork
from messagebus import Command, Message
from messagebus.adapters.memory import AsyncMemoryTransport
from messagebus.adapters.sqlalchemy import AsyncMessageHistory, AsyncOutboxRelay

from .shop import database_in


class Shop:
    """The shop on a database of its own, with a transport that keeps what is sent."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.bus = new_bus()
        self.uow = UnitOfWork(engine, tables=outbox)
        self.history = AsyncMessageHistory(engine, tables=outbox)
        self.transport = AsyncMemoryTransport()
        self.relay = AsyncOutboxRelay(engine, self.transport, tables=outbox)

    async def execute(self, command: Command) -> None:
        """Handle a command in a transaction of its own."""
        async with self.uow as transaction:
            await self.bus.handle(command, transaction)
            await transaction.commit()

    async def product(self, sku: str = "TEA-1") -> Product:
        """Return a product as it is stored."""
        async with self.uow as transaction:
            product = await self.uow.products.get(sku)
            await transaction.rollback()
        return product

    async def stored(self) -> list[str]:
        """Return the names of the handled messages in their order."""
        return [record.name async for record in self.history.records()]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a new database."""
    engine = new_engine(database_in(tmp_path))
    await create_tables(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def shop(engine: AsyncEngine) -> Shop:
    """Return a shop with ten of a tea whose stock is low at five."""
    shop = Shop(engine)
    await shop.execute(RegisterProduct(sku="TEA-1", name="Tea", stock=10, reorder_level=5))
    return shop


def new_order(order_id: str = "O-1", **quantities: int) -> TakeOrder:
    """Build a command from quantities by SKU, written with ``_`` for ``-``."""
    lines = [
        OrderLine(sku=sku.replace("_", "-"), quantity=quantity)
        for sku, quantity in quantities.items()
    ]
    return TakeOrder(order_id=order_id, lines=lines)


def names(messages: Iterable[Message[Any]]) -> list[str]:
    """Return the names of messages."""
    return [each.metadata.name for each in messages]


def test_a_model_needs_no_bus() -> None:
    """To test a rule of the domain, call the model and look at the events that it raised."""
    tea = Product(sku="TEA-1", name="Tea", stock=3, reorder_level=1)
    tea.reserve(2)
    assert 1 == tea.stock
    assert [StockLow(sku="TEA-1", stock=1)] == tea.messages
    with pytest.raises(OutOfStockError):
        tea.reserve(2)


async def test_a_handler_is_a_function(engine: AsyncEngine) -> None:
    """Despite the decorator, a handler can be called with a message and a unit of work."""
    uow = UnitOfWork(engine, tables=outbox)
    command = new_order(TEA_1=1)
    async with uow as transaction:
        await take_order(command, uow)
        assert Order(order_id="O-1", lines=command.lines) == await uow.orders.get("O-1")
        raised = [*uow.collect_new_events()]
        await transaction.rollback()
    assert [OrderTaken(order_id="O-1", lines=command.lines)] == raised


async def test_handle_returns_the_result_of_the_handler(shop: Shop) -> None:
    """``Returns[int]`` tells type checkers the type of the result."""
    async with shop.uow as transaction:
        stock: int = await shop.bus.handle(Restock(sku="TEA-1", quantity=5), transaction)
        await transaction.commit()
    assert 15 == stock


async def test_messages_are_stored_in_handling_order(shop: Shop) -> None:
    """A command is followed by the events that it led to."""
    await shop.execute(new_order(TEA_1=6))
    assert [
        "register_product",
        "product_registered",
        "take_order",
        "order_taken",
        "stock_low",
        "restock_requested",
    ] == await shop.stored()


async def test_a_restock_is_requested_once_until_a_delivery(shop: Shop) -> None:
    """While the stock stays low, the supplier is asked once; after a delivery, again."""
    for number in range(3):
        await shop.execute(new_order(f"O-{number}", TEA_1=3))
    await shop.execute(Restock(sku="TEA-1", quantity=1))
    counts = Counter(await shop.stored())
    assert (3, 2) == (counts["stock_low"], counts["restock_requested"])
    assert (await shop.product()).restock_requested


async def test_a_cancelled_order_releases_its_stock_once(shop: Shop) -> None:
    """The stock of a cancelled order is available again; a second time is refused."""
    await shop.execute(new_order(TEA_1=6))
    await shop.execute(CancelOrder(order_id="O-1"))
    assert 10 == (await shop.product()).stock
    with pytest.raises(AlreadyCancelledError):
        await shop.execute(CancelOrder(order_id="O-1"))
    assert 10 == (await shop.product()).stock


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (RegisterProduct(sku="TEA-1", name="Other"), DuplicateError),
        (Restock(sku="TEA-9", quantity=1), UnknownError),
        (new_order("O-1", TEA_1=1), DuplicateError),
        (new_order("O-2", TEA_1=9, TEA_9=1), UnknownError),
        (
            TakeOrder(order_id="O-2", lines=[OrderLine(sku="TEA-1", quantity=5)] * 2),
            OutOfStockError,
        ),
        (CancelOrder(order_id="O-9"), UnknownError),
    ],
)
async def test_a_command_that_breaks_a_rule_changes_nothing(
    shop: Shop, command: Command, error: type[Exception]
) -> None:
    """A rule broken anywhere in the cascade undoes models, messages and published events."""
    await shop.execute(new_order("O-1", TEA_1=1))
    product, stored = await shop.product(), await shop.stored()
    with pytest.raises(error):
        await shop.execute(command)
    assert (product, stored) == (await shop.product(), await shop.stored())
    async with shop.uow as transaction:
        with pytest.raises(UnknownError):
            await shop.uow.orders.get("O-2")
        await transaction.rollback()
    await shop.relay.drain()
    assert ["product_registered_v1", "order_taken_v1"] == [
        each["type"] for each in shop.transport.sent
    ]


async def test_the_relay_sends_published_events_after_the_commit(shop: Shop) -> None:
    """The outbox keeps the events of committed transactions until the relay sends them."""
    await shop.relay.drain()
    shop.transport.sent.clear()
    await shop.execute(new_order(TEA_1=1))
    assert [] == shop.transport.sent
    assert 1 == await shop.relay.drain()
    assert ["order_taken_v1"] == [each["type"] for each in shop.transport.sent]

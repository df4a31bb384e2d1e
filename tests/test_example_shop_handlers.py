"""The domain and the handlers of the shop, tested as a user tests an application like it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.shop.bootstrap import create_tables, new_bus, new_engine
from examples.shop.handlers import take_order
from examples.shop.messages import (
    CancelOrder,
    OrderCancelled,
    OrderLine,
    OrderTaken,
    ProductRegistered,
    RegisterProduct,
    Restock,
    RestockRequested,
    StockLow,
    TakeOrder,
)
from examples.shop.model import (
    AlreadyCancelledError,
    DuplicateError,
    Order,
    OutOfStockError,
    Product,
    ShopError,
    UnknownError,
)
from examples.shop.tables import outbox
from examples.shop.unit_of_work import UnitOfWork
from messagebus import Command, Message
from messagebus.testing import (
    AsyncMemoryRelay,
    AsyncMemoryTransport,
    AsyncScenario,
    Clock,
    MemoryStore,
    Scenarios,
)
from messagebus.testing.strategies import messages

from .shop import database_in
from .shop_in_memory import ShopInMemory


@pytest.fixture
def store() -> MemoryStore:
    """Return an empty store."""
    return MemoryStore()


@pytest.fixture
def shop(bus_scenario: Scenarios, store: MemoryStore) -> AsyncScenario:
    """Return a shop in memory with ten of a tea whose stock is low at five."""
    return bus_scenario(new_bus(), ShopInMemory(store)).given(tea())


@pytest.fixture(params=["memory", "sqlite"])
async def either_shop(
    request: pytest.FixtureRequest, bus_scenario: Scenarios, tmp_path: Path
) -> AsyncIterator[AsyncScenario]:
    """Yield such a shop in memory, and on a database: the handlers see no difference."""
    if request.param == "memory":
        yield bus_scenario(new_bus(), ShopInMemory()).given(tea())
        return
    engine = new_engine(database_in(tmp_path))
    await create_tables(engine)
    yield bus_scenario(new_bus(), UnitOfWork(engine, tables=outbox)).given(tea())
    await engine.dispose()


def tea() -> RegisterProduct:
    """Return a command that no shop has handled."""
    return RegisterProduct(sku="TEA-1", name="Tea", stock=10, reorder_level=5)


def new_lines(**quantities: int) -> list[OrderLine]:
    """Build lines from quantities by SKU, written with ``_`` for ``-``."""
    return [
        OrderLine(sku=sku.replace("_", "-"), quantity=quantity)
        for sku, quantity in quantities.items()
    ]


def new_order(order_id: str = "O-1", **quantities: int) -> TakeOrder:
    """Build a command from quantities by SKU."""
    return TakeOrder(order_id=order_id, lines=new_lines(**quantities))


def taken(order_id: str = "O-1", **quantities: int) -> OrderTaken:
    """Build the event of a command from quantities by SKU."""
    return OrderTaken(order_id=order_id, lines=new_lines(**quantities))


def test_a_model_needs_no_bus() -> None:
    """To test a rule of the domain, call the model and look at the events that it raised."""
    tea = Product(sku="TEA-1", name="Tea", stock=3, reorder_level=1)
    tea.reserve(2)
    assert 1 == tea.stock
    assert [StockLow(sku="TEA-1", stock=1)] == tea.messages
    with pytest.raises(OutOfStockError):
        tea.reserve(2)


@pytest.mark.slow
@given(
    messages(RegisterProduct),
    st.lists(st.one_of(messages(OrderLine), messages(Restock, sku=st.just("TEA-1")))),
)
def test_stock_is_never_negative(command: RegisterProduct, changes: list[Any]) -> None:
    """Whatever is ordered and delivered, an order that exceeds the stock is refused."""
    product = Product.register(command.sku, command.name, command.stock, command.reorder_level)
    for change in changes:
        before = product.stock
        if isinstance(change, Restock):
            product.restock(change.quantity)
            assert before + change.quantity == product.stock
        elif change.quantity > before:
            with pytest.raises(OutOfStockError):
                product.reserve(change.quantity)
            assert before == product.stock
        else:
            product.reserve(change.quantity)
            assert before - change.quantity == product.stock >= 0


async def test_a_handler_is_a_function() -> None:
    """Despite the decorator, a handler can be called with a message and a unit of work."""
    uow: Any = ShopInMemory()
    command = new_order(TEA_1=1)
    async with uow as transaction:
        await take_order(command, uow)
        assert Order(order_id="O-1", lines=command.lines) == await uow.orders.get("O-1")
        raised = [*uow.collect_new_events()]
        await transaction.rollback()
    assert [OrderTaken(order_id="O-1", lines=command.lines)] == raised


async def test_handle_returns_the_result_of_the_handler(either_shop: AsyncScenario) -> None:
    """``Returns[int]`` tells type checkers the type of the result."""
    await either_shop.when(Restock(sku="TEA-1", quantity=5)).then().returns(15)


async def test_an_order_that_leaves_little_stock_leads_to_a_request_for_more(
    either_shop: AsyncScenario,
) -> None:
    """A command is followed by the events that it led to, in their order."""
    await either_shop.when(new_order(TEA_1=6)).then(
        taken(TEA_1=6),
        StockLow(sku="TEA-1", stock=4),
        RestockRequested(sku="TEA-1", stock=4),
    )


async def test_a_restock_is_requested_once_until_a_delivery(either_shop: AsyncScenario) -> None:
    """While the stock stays low, the supplier is asked once; after a delivery, again."""
    either_shop.given(new_order("O-1", TEA_1=6))
    await either_shop.when(new_order("O-2", TEA_1=3)).then(
        taken("O-2", TEA_1=3), StockLow(sku="TEA-1", stock=1)
    )
    restocked = either_shop.when(Restock(sku="TEA-1", quantity=1))
    await restocked.returns(2).then(
        StockLow(sku="TEA-1", stock=2), RestockRequested(sku="TEA-1", stock=2)
    )


async def test_a_cancelled_order_releases_its_stock_once(
    shop: AsyncScenario, store: MemoryStore
) -> None:
    """The stock of a cancelled order is available again; a second time is refused."""
    shop.given(new_order(TEA_1=4))
    cancelled = OrderCancelled(order_id="O-1", lines=new_lines(TEA_1=4))
    await shop.when(CancelOrder(order_id="O-1")).then(cancelled)
    assert 10 == store.table(Product)["TEA-1"].stock
    again = shop.when(CancelOrder(order_id="O-1"))
    await again.fails(AlreadyCancelledError, match="order O-1 is cancelled already")
    assert 10 == store.table(Product)["TEA-1"].stock


BROKEN_RULES: Sequence[tuple[Command, type[ShopError], str]] = [
    (RegisterProduct(sku="TEA-1", name="Other"), DuplicateError, "product TEA-1 exists already"),
    (Restock(sku="TEA-9", quantity=1), UnknownError, "there is no product TEA-9"),
    (new_order("O-1", TEA_1=1), DuplicateError, "order O-1 exists already"),
    (new_order("O-2", TEA_1=9, TEA_9=1), UnknownError, "there is no product TEA-9"),
    (
        TakeOrder(order_id="O-2", lines=new_lines(TEA_1=5) * 2),
        OutOfStockError,
        "5 of TEA-1 ordered, but 4 in stock",
    ),
    (CancelOrder(order_id="O-9"), UnknownError, "there is no order O-9"),
]


@pytest.mark.parametrize(("command", "error", "match"), BROKEN_RULES)
async def test_a_command_that_breaks_a_rule_is_refused(
    either_shop: AsyncScenario, command: Command, error: type[ShopError], match: str
) -> None:
    """Wherever in the cascade it is broken; the next command finds the shop as it was."""
    either_shop.given(new_order("O-1", TEA_1=1))
    await either_shop.when(command).fails(error, match=match)
    await either_shop.when(new_order("O-2", TEA_1=2)).then(taken("O-2", TEA_1=2))
    await either_shop.when(Restock(sku="TEA-1", quantity=3)).returns(10)


@pytest.mark.parametrize(("command", "error", "match"), BROKEN_RULES)
async def test_a_command_that_breaks_a_rule_changes_nothing(
    shop: AsyncScenario,
    store: MemoryStore,
    published: Sequence[Message[Any]],
    command: Command,
    error: type[ShopError],
    match: str,
) -> None:
    """It undoes models, messages and published events."""
    await shop.when(new_order("O-1", TEA_1=1)).then(taken(TEA_1=1))
    before = store.table(Product), store.table(Order), store.messages
    await shop.when(command).fails(error)
    assert before == (store.table(Product), store.table(Order), store.messages)
    assert [taken(TEA_1=1)] == published


async def test_what_is_published_is_what_other_services_hear(
    shop: AsyncScenario, published: Sequence[Message[Any]]
) -> None:
    """That the stock is low is the shop's own business."""
    await shop.when(new_order(TEA_1=6)).returns(None)
    assert [taken(TEA_1=6), RestockRequested(sku="TEA-1", stock=4)] == published


async def test_published_events_are_sent_after_the_commit(
    shop: AsyncScenario, store: MemoryStore, bus_clock: Clock
) -> None:
    """A relay sends what is stored, once, with the time of its creation."""
    transport = AsyncMemoryTransport()
    relay = AsyncMemoryRelay(store, transport)
    assert 0 == await relay.drain()
    await shop.when(new_order(TEA_1=1)).then(taken(TEA_1=1))
    assert [] == transport.sent
    assert (2, 0) == (await relay.drain(), await relay.drain())
    registered, order = transport.sent
    assert ("product_registered_v1", "order_taken_v1") == (registered["type"], order["type"])
    assert bus_clock.now.isoformat() == order["created_at"]
    assert [ProductRegistered(sku="TEA-1", name="Tea"), taken(TEA_1=1)] == store.published

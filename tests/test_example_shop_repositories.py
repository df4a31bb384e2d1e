"""The shop of the examples in a database: what its repositories write, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from examples.shop.adapters.sql.database import create_tables, new_engine
from examples.shop.adapters.sql.inbox import Entry
from examples.shop.adapters.sql.tables import outbox
from examples.shop.adapters.sql.unit_of_work import SqlUnitOfWork
from examples.shop.domain.errors import (
    DuplicateOrderError,
    DuplicateProductError,
    UnknownOrderError,
    UnknownProductError,
)
from examples.shop.domain.messages import OrderLine, ProductRegistered, StockReserved
from examples.shop.domain.model import Order, Product

from .shop import database_in


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return database_in(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database that has the tables, twice created."""
    engine = new_engine(database_url)
    await create_tables(engine)
    await create_tables(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
def uow(engine: AsyncEngine) -> SqlUnitOfWork:
    """Return the unit of work of the shop, on that database."""
    return SqlUnitOfWork(engine, tables=outbox)


def new_tea(sku: str = "TEA-1") -> Product:
    """Make a tea of which there is enough."""
    return Product.register(sku, "Tea", 10, 5)


def new_order() -> Order:
    """Make an order of two lines."""
    lines = [OrderLine(sku="TEA-1", quantity=2), OrderLine(sku="TEA-2", quantity=1)]
    return Order(order_id="O-1", lines=lines)


async def keep(uow: SqlUnitOfWork, *models: Product | Order) -> None:
    """Add models in a transaction of their own."""
    async with uow as transaction:
        for model in models:
            if isinstance(model, Product):
                await uow.products.add(model)
            else:
                await uow.orders.add(model)
        await transaction.commit()


async def kept(uow: SqlUnitOfWork) -> list[Product]:
    """List the products in a transaction that only reads."""
    async with uow as transaction:
        products = await uow.products.list_all()
        await transaction.rollback()
    return products


async def test_what_was_added_comes_back_equal(uow: SqlUnitOfWork) -> None:
    """A product or an order is after the commit what it was before, lines and all."""
    await keep(uow, new_tea(), new_order())
    async with uow as transaction:
        assert new_tea() == await uow.products.get("TEA-1")
        assert new_order() == await uow.orders.get("O-1")
        await transaction.rollback()


async def test_what_was_changed_is_written_by_the_commit(uow: SqlUnitOfWork) -> None:
    """Nobody saves a model: it is enough to have got it from a repository."""
    await keep(uow, new_tea(), new_order())
    async with uow as transaction:
        (await uow.products.get("TEA-1")).reserve(4, "O-1")
        (await uow.orders.get("O-1")).cancel()
        await transaction.commit()
    assert [6] == [each.stock for each in await kept(uow)]
    async with uow as transaction:
        order = await uow.orders.get("O-1")
        await transaction.rollback()
    assert (True, new_order().lines) == (order.cancelled, order.lines)


async def test_what_was_changed_after_it_was_added_is_written_as_well(uow: SqlUnitOfWork) -> None:
    """A listener may get a product that the same transaction has added."""
    async with uow as transaction:
        tea = new_tea()
        await uow.products.add(tea)
        assert tea is await uow.products.get("TEA-1")
        tea.request_restock()
        await transaction.commit()
    assert [True] == [each.restock_requested for each in await kept(uow)]


async def test_what_was_changed_through_the_list_is_written_as_well(uow: SqlUnitOfWork) -> None:
    """A list hands models out like everything else, in the order of their keys."""
    await keep(uow, *map(new_tea, ["TEA-2", "TEA-1", "TEA10", "TEA-a", "TEA-B"]))
    async with uow as transaction:
        for number, each in enumerate(await uow.products.list_all(), start=1):
            each.restock(number)
        await transaction.commit()
    found = [(each.sku, each.stock) for each in await kept(uow)]
    assert [("TEA-1", 11), ("TEA-2", 12), ("TEA-B", 13), ("TEA-a", 14), ("TEA10", 15)] == found


async def test_a_rollback_writes_nothing(uow: SqlUnitOfWork) -> None:
    """What a transaction has added and changed is gone with it."""
    await keep(uow, new_tea())
    async with uow as transaction:
        await uow.products.add(new_tea("TEA-2"))
        await uow.orders.add(new_order())
        (await uow.products.get("TEA-1")).reserve(4, "O-1")
        await transaction.rollback()
    assert [new_tea()] == await kept(uow)
    async with uow as transaction:
        with pytest.raises(UnknownOrderError):
            await uow.orders.get("O-1")
        await transaction.rollback()


async def test_the_models_of_a_transaction_raise_its_events(uow: SqlUnitOfWork) -> None:
    """The bus finds what was raised on models that were added, got or listed."""
    async with uow as transaction:
        await uow.products.add(new_tea())
        raised = [*uow.collect_new_events()]
        assert [ProductRegistered(sku="TEA-1", name="Tea")] == raised
        (await uow.products.get("TEA-1")).reserve(1, "O-1")
        raised = [*uow.collect_new_events()]
        assert [StockReserved(sku="TEA-1", order_id="O-1", quantity=1)] == raised
        (await uow.products.list_all())[0].reserve(2, "O-2")
        raised = [*uow.collect_new_events()]
        assert [StockReserved(sku="TEA-1", order_id="O-2", quantity=2)] == raised
        await transaction.rollback()


async def test_a_key_is_taken_once(uow: SqlUnitOfWork) -> None:
    """Twice the same key is a rule broken, in one transaction and in two."""
    async with uow as transaction:
        await uow.products.add(new_tea("TEA-2"))
        with pytest.raises(DuplicateProductError):
            await uow.products.add(new_tea("TEA-2"))
        await transaction.commit()
    await keep(uow, new_order())
    async with uow as transaction:
        with pytest.raises(DuplicateProductError):
            await uow.products.add(new_tea("TEA-2"))
        with pytest.raises(DuplicateOrderError):
            await uow.orders.add(new_order())
        with pytest.raises(UnknownProductError):
            await uow.products.get("TEA-1")
        await transaction.rollback()


async def test_a_line_is_remembered_with_what_it_has_led_to(uow: SqlUnitOfWork) -> None:
    """The inbox says what became of a line before; a rollback forgets the line as well."""
    accepted, rejected = Entry("a", "restock"), Entry("b", None, "not JSON")
    async with uow as transaction:
        assert None is await uow.inbox.add(accepted)
        await transaction.rollback()
    async with uow as transaction:
        assert [None, None] == [await uow.inbox.add(accepted), await uow.inbox.add(rejected)]
        await transaction.commit()
    async with uow as transaction:
        assert accepted == await uow.inbox.add(Entry("a", "restock", "unknown product TEA-1"))
        assert rejected == await uow.inbox.add(Entry("b", "restock"))
        await transaction.rollback()

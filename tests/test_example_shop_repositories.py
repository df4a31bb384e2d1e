"""The repositories and the inbox of the shop, on both databases and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.shop.bootstrap import create_tables, new_engine
from examples.shop.messages import OrderLine, ProductRegistered, RestockRequested, StockLow
from examples.shop.model import DuplicateError, Order, Product, UnknownError
from examples.shop.tables import outbox
from examples.shop.unit_of_work import Outcome, UnitOfWork

from .shop import database_in
from .shop_in_memory import ShopInMemory

Uow = UnitOfWork | ShopInMemory


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def uow(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[UnitOfWork | ShopInMemory]:
    """Yield the unit of work of the shop, on a database whose tables were created twice."""
    if request.param == "memory":
        yield ShopInMemory()
        return
    on_server = request.param == "postgresql"
    url: str = request.getfixturevalue("postgres_url") if on_server else database_in(tmp_path)
    engine = new_engine(url)
    await create_tables(engine)
    await create_tables(engine)
    yield UnitOfWork(engine, tables=outbox)
    await engine.dispose()


def new_tea(sku: str = "TEA-1") -> Product:
    """Create a tea with enough stock."""
    return Product.register(sku, "Tea", 10, 5)


def new_order() -> Order:
    """Create an order of two lines."""
    lines = [OrderLine(sku="TEA-1", quantity=2), OrderLine(sku="TEA-2", quantity=1)]
    return Order(order_id="O-1", lines=lines)


async def keep(uow: Uow, *models: Product | Order) -> None:
    """Add models in a transaction of their own."""
    async with uow as transaction:
        for model in models:
            if isinstance(model, Product):
                await uow.products.add(model)
            else:
                await uow.orders.add(model)
        await transaction.commit()


async def kept(uow: Uow, sku: str = "TEA-1") -> Product:
    """Read a product in a transaction of its own."""
    async with uow as transaction:
        product = await uow.products.get(sku)
        await transaction.rollback()
    return product


async def test_a_model_is_loaded_as_it_was_added(uow: Uow) -> None:
    """Products and orders survive the database unchanged."""
    await keep(uow, new_tea(), new_order())
    async with uow as transaction:
        assert new_tea() == await uow.products.get("TEA-1")
        assert new_order() == await uow.orders.get("O-1")
        await transaction.rollback()


async def test_the_commit_writes_what_was_changed(uow: Uow) -> None:
    """A model from a repository needs no explicit save."""
    await keep(uow, new_tea(), new_order())
    async with uow as transaction:
        (await uow.products.get("TEA-1")).reserve(4)
        (await uow.orders.get("O-1")).cancel()
        await transaction.commit()
    assert 6 == (await kept(uow)).stock
    async with uow as transaction:
        order = await uow.orders.get("O-1")
        await transaction.rollback()
    assert (True, new_order().lines) == (order.cancelled, order.lines)


async def test_a_model_is_loaded_once_in_a_transaction(uow: Uow) -> None:
    """A listener gets the product that an earlier one has loaded or added, with its changes."""
    await keep(uow, new_tea("TEA-2"))
    async with uow as transaction:
        added = new_tea()
        await uow.products.add(added)
        assert added is await uow.products.get("TEA-1")
        assert await uow.products.get("TEA-2") is await uow.products.get("TEA-2")
        added.request_restock()
        await transaction.commit()
    assert (await kept(uow)).restock_requested


async def test_a_rollback_writes_nothing(uow: Uow) -> None:
    """A rollback undoes what the transaction has added and changed."""
    await keep(uow, new_tea())
    async with uow as transaction:
        await uow.products.add(new_tea("TEA-2"))
        await uow.orders.add(new_order())
        (await uow.products.get("TEA-1")).reserve(4)
        await transaction.rollback()
    assert new_tea() == await kept(uow)
    async with uow as transaction:
        with pytest.raises(UnknownError):
            await uow.orders.get("O-1")
        with pytest.raises(UnknownError):
            await uow.products.get("TEA-2")
        await transaction.rollback()


async def test_the_models_of_a_transaction_raise_its_events(uow: Uow) -> None:
    """The unit of work collects the events of models that were added or loaded."""
    async with uow as transaction:
        await uow.products.add(new_tea())
        assert [ProductRegistered(sku="TEA-1", name="Tea")] == [*uow.collect_new_events()]
        (await uow.products.get("TEA-1")).reserve(6)
        assert [StockLow(sku="TEA-1", stock=4)] == [*uow.collect_new_events()]
        (await uow.products.get("TEA-1")).request_restock()
        assert [RestockRequested(sku="TEA-1", stock=4)] == [*uow.collect_new_events()]
        await transaction.rollback()


async def test_a_key_is_taken_once(uow: Uow) -> None:
    """A second model with the same key is refused, in the same transaction and in another."""
    async with uow as transaction:
        await uow.products.add(new_tea("TEA-2"))
        with pytest.raises(DuplicateError):
            await uow.products.add(new_tea("TEA-2"))
        await transaction.commit()
    await keep(uow, new_order())
    async with uow as transaction:
        with pytest.raises(DuplicateError):
            await uow.products.add(new_tea("TEA-2"))
        with pytest.raises(DuplicateError):
            await uow.orders.add(new_order())
        with pytest.raises(UnknownError):
            await uow.products.get("TEA-1")
        await transaction.rollback()


async def test_the_inbox_keeps_the_outcome_of_a_line(uow: Uow) -> None:
    """A line that was handled keeps its outcome; a rollback forgets the line."""
    accepted, rejected = Outcome(), Outcome("not JSON")
    async with uow as transaction:
        assert accepted == await uow.record("a", accepted)
        await transaction.rollback()
    async with uow as transaction:
        assert accepted == await uow.record("a", accepted)
        assert rejected == await uow.record("b", rejected)
        await transaction.commit()
    async with uow as transaction:
        assert Outcome(None, is_repeated=True) == await uow.record("a", rejected)
        assert Outcome("not JSON", is_repeated=True) == await uow.record("b", accepted)
        await transaction.rollback()

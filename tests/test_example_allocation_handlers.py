"""The handlers of the allocation service, on a unit of work in memory."""

from __future__ import annotations

from typing import Any

import pytest

from examples.allocation.messages import (
    Allocate,
    Allocated,
    BatchQuantityChanged,
    CreateBatch,
    Deallocated,
    OutOfStock,
)
from examples.allocation.model import Product, UnknownBatchError, UnknownSkuError
from messagebus import (
    Message,
    SyncAbstractRepository,
    SyncAbstractUnitOfWork,
    SyncEventstoreAbstractRepository,
    SyncMessageBus,
)


class Products(SyncAbstractRepository[Product]):
    def __init__(self) -> None:
        super().__init__()
        self._products: dict[str, Product] = {}

    def add(self, product: Product) -> None:
        self._products[product.sku] = product
        self.seen.append(product)

    def find(self, sku: str) -> Product | None:
        product = self._products.get(sku)
        if product is not None:
            self.seen.append(product)
        return product

    def get(self, sku: str) -> Product:
        product = self.find(sku)
        if product is None:
            raise UnknownSkuError(sku)
        return product

    def get_by_batch(self, ref: str) -> Product:
        for product in self._products.values():
            if any(ref == batch.ref for batch in product.batches):
                return self.get(product.sku)
        raise UnknownBatchError(ref)


class Handled(SyncEventstoreAbstractRepository):
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message[Any]] = []

    def _add(self, message: Message[Any]) -> None:
        self.messages.append(message)


class UnitOfWork(SyncAbstractUnitOfWork[Products]):
    eventstore: Handled

    def __init__(self) -> None:
        self.products = Products()
        self.eventstore = Handled()
        self.committed = 0

    def commit(self) -> None:
        self.committed += 1

    def rollback(self) -> None:
        """Nothing to roll back."""


class Letters:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, address: str, text: str) -> None:
        self.sent.append((address, text))


class Stock:
    """The service in memory.

    Attributes:
        letters: what was sent.
        uow: the unit of work.
    """

    def __init__(self) -> None:
        self.letters = Letters()
        self.uow = UnitOfWork()
        self.bus: SyncMessageBus[Any] = SyncMessageBus(notifications=lambda: self.letters)
        self.bus.scan("examples.allocation.handlers")

    def handle(self, message: Message[Any]) -> Any:
        """Handle a message in a transaction of its own."""
        return self.bus.execute(message, self.uow)

    def available(self, ref: str) -> int:
        """Return how much of a batch is available."""
        product = self.uow.products.get_by_batch(ref)
        return next(batch.available for batch in product.batches if ref == batch.ref)


@pytest.fixture
def stock() -> Stock:
    """Return a service that has nothing."""
    return Stock()


def test_the_first_batch_makes_a_product_known(stock: Stock) -> None:
    """The second one joins it."""
    stock.handle(CreateBatch(ref="b1", sku="lamp", quantity=100))
    stock.handle(CreateBatch(ref="b2", sku="lamp", quantity=50))

    assert ["b1", "b2"] == [each.ref for each in stock.uow.products.get("lamp").batches]
    assert 2 == stock.uow.committed


def test_an_allocation_returns_its_batch(stock: Stock) -> None:
    """The caller learns at once where the goods come from."""
    stock.handle(CreateBatch(ref="b1", sku="lamp", quantity=100))

    assert "b1" == stock.handle(Allocate(order_id="o1", sku="lamp", quantity=10))
    assert 90 == stock.available("b1")


def test_an_unknown_product_is_refused(stock: Stock) -> None:
    """Nothing is committed."""
    with pytest.raises(UnknownSkuError):
        stock.handle(Allocate(order_id="o1", sku="lamp", quantity=10))

    assert 0 == stock.uow.committed


def test_buyers_are_told_of_a_product_that_has_run_out(stock: Stock) -> None:
    """By a letter that names it."""
    stock.handle(CreateBatch(ref="b1", sku="lamp", quantity=9))

    assert None is stock.handle(Allocate(order_id="o1", sku="lamp", quantity=10))
    assert [("buyers@example.com", "Out of stock: lamp")] == stock.letters.sent


def test_what_a_batch_loses_is_allocated_anew(stock: Stock) -> None:
    """In the transaction in which the batch has become smaller, and in this order."""
    stock.handle(CreateBatch(ref="b1", sku="lamp", quantity=50))
    stock.handle(CreateBatch(ref="b2", sku="lamp", quantity=50))
    for order_id in ("o1", "o2"):
        stock.handle(Allocate(order_id=order_id, sku="lamp", quantity=20))
    stock.uow.eventstore.messages.clear()

    stock.handle(BatchQuantityChanged(ref="b1", quantity=25))

    assert [
        BatchQuantityChanged(ref="b1", quantity=25),
        Deallocated(order_id="o2", sku="lamp", quantity=20),
        Allocated(order_id="o2", sku="lamp", quantity=20, batch="b2"),
    ] == stock.uow.eventstore.messages
    assert (5, 30) == (stock.available("b1"), stock.available("b2"))


def test_what_finds_no_other_batch_is_told_to_buyers(stock: Stock) -> None:
    """The line has no batch then."""
    stock.handle(CreateBatch(ref="b1", sku="lamp", quantity=50))
    stock.handle(Allocate(order_id="o1", sku="lamp", quantity=20))

    stock.handle(BatchQuantityChanged(ref="b1", quantity=0))

    assert OutOfStock(sku="lamp") == stock.uow.eventstore.messages[-1]
    assert [("buyers@example.com", "Out of stock: lamp")] == stock.letters.sent
    assert 0 == stock.available("b1")

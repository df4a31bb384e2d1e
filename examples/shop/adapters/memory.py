"""The shop in memory, for tests that want to be fast: gone with the process.

What a transaction changes is staged, as copies, until it is committed; a rollback drops the
copies. Transactions follow one another: there is nothing here that isolates two at a time.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from typing_extensions import override

from messagebus import (
    AsyncAbstractEventstreamTransport,
    AsyncEventstoreAbstractRepository,
    AsyncEventstreamPublisher,
    Message,
    Model,
)

from ..domain.errors import (
    DuplicateOrderError,
    DuplicateProductError,
    UnknownOrderError,
    UnknownProductError,
)
from ..domain.model import Order, Product
from ..service.unit_of_work import (
    AbstractOrderRepository,
    AbstractProductRepository,
    AbstractUnitOfWork,
)

TModel = TypeVar("TModel", bound=Model)


class MemoryTable(Generic[TModel]):
    """Models by their key: the committed ones, and the copies that a transaction works on."""

    def __init__(self) -> None:
        self._committed: dict[str, TModel] = {}
        self._staged: dict[str, TModel] = {}

    def add(self, key: str, model: TModel) -> None:
        """Stage a new model."""
        self._staged[key] = model

    def find(self, key: str) -> TModel | None:
        """Return the model of this transaction under a key, None if there is none."""
        if key not in self._staged and key in self._committed:
            self._staged[key] = self._committed[key].model_copy(deep=True)
        return self._staged.get(key)

    def sorted_keys(self) -> list[str]:
        """Return the keys that this transaction sees."""
        return sorted(self._committed.keys() | self._staged.keys())

    def commit(self) -> None:
        """Keep what is staged."""
        self._committed.update(self._staged)
        self._staged.clear()

    def rollback(self) -> None:
        """Drop what is staged."""
        self._staged.clear()


class MemoryProductRepository(AbstractProductRepository):
    """The products of the shop, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.table = MemoryTable[Product]()

    @override
    async def add(self, product: Product) -> None:
        if self.table.find(product.sku) is not None:
            raise DuplicateProductError(product.sku)
        self.table.add(product.sku, product)
        self.seen.append(product)

    @override
    async def get(self, sku: str) -> Product:
        product = self.table.find(sku)
        if product is None:
            raise UnknownProductError(sku)
        self.seen.append(product)
        return product

    @override
    async def list_all(self) -> list[Product]:
        return [await self.get(sku) for sku in self.table.sorted_keys()]


class MemoryOrderRepository(AbstractOrderRepository):
    """The orders of the shop, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.table = MemoryTable[Order]()

    @override
    async def add(self, order: Order) -> None:
        if self.table.find(order.order_id) is not None:
            raise DuplicateOrderError(order.order_id)
        self.table.add(order.order_id, order)
        self.seen.append(order)

    @override
    async def get(self, order_id: str) -> Order:
        order = self.table.find(order_id)
        if order is None:
            raise UnknownOrderError(order_id)
        self.seen.append(order)
        return order


class MemoryEventstore(AsyncEventstoreAbstractRepository):
    """The messages of committed transactions, in the order in which they were handled."""

    def __init__(self, publisher: AsyncEventstreamPublisher | None = None) -> None:
        super().__init__(publisher)
        self.messages: list[Message[Any]] = []
        self._staged: list[Message[Any]] = []

    @override
    async def _add(self, message: Message[Any]) -> None:
        self._staged.append(message)

    def commit(self) -> None:
        """Keep what is staged."""
        self.messages.extend(self._staged)
        self._staged.clear()

    def rollback(self) -> None:
        """Drop what is staged."""
        self._staged.clear()


class MemoryUnitOfWork(AbstractUnitOfWork):
    """The unit of work of a shop in memory.

    Args:
        transport: takes the messages that are published.
    """

    eventstore: MemoryEventstore

    def __init__(self, transport: AsyncAbstractEventstreamTransport) -> None:
        products, orders = MemoryProductRepository(), MemoryOrderRepository()
        self.products = products
        self.orders = orders
        self.eventstore = MemoryEventstore(AsyncEventstreamPublisher(transport))
        self._staging = (products.table, orders.table, self.eventstore)

    @override
    async def commit(self) -> None:
        for each in self._staging:
            each.commit()

    @override
    async def rollback(self) -> None:
        for each in self._staging:
            each.rollback()

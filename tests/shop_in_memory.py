"""The unit of work of the shop in memory, which its handlers take for the one on a database."""

from __future__ import annotations

from typing import Any, TypeVar

from examples.shop.model import DuplicateError, Order, Product, UnknownError
from examples.shop.unit_of_work import Outcome
from messagebus import Model
from messagebus.testing import AsyncMemoryRepository, AsyncMemoryUnitOfWork, MemorySession

TModel = TypeVar("TModel", bound=Model)


class MemoryRepository(AsyncMemoryRepository[TModel]):
    """Models in memory, with the errors of the shop."""

    async def add(self, model: TModel) -> None:
        """Add a new model."""
        key = getattr(model, self.key_name)
        if key in self.rows:
            raise DuplicateError(self.model_type.__name__.lower(), key)
        await super().add(model)

    async def get(self, key: Any) -> TModel:
        """Return the model with this key."""
        model = await self.find(key)
        if model is None:
            raise UnknownError(self.model_type.__name__.lower(), key)
        return model


class ShopInMemory(AsyncMemoryUnitOfWork[MemoryRepository[Any]]):
    """A transaction of the shop."""

    products: MemoryRepository[Product]
    orders: MemoryRepository[Order]

    def attach(self, session: MemorySession) -> None:
        """Create the repositories."""
        self.products = MemoryRepository(session, Product, "sku")
        self.orders = MemoryRepository(session, Order, "order_id")

    async def record(self, line_id: str, outcome: Outcome) -> Outcome:
        """Record the outcome of a line, unless the line was handled before."""
        outcomes = self.session.table(Outcome)
        if line_id in outcomes:
            return outcomes[line_id]._replace(is_repeated=True)
        outcomes[line_id] = outcome
        return outcome

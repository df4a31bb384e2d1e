"""What the handlers need to find and keep, whatever it is kept in."""

from __future__ import annotations

import abc
from typing import TypeAlias

from messagebus import AsyncAbstractRepository, AsyncAbstractUnitOfWork

from ..domain.model import Order, Product


class AbstractProductRepository(AsyncAbstractRepository[Product]):
    """The products of the shop. What is changed on one of them is kept by the commit."""

    @abc.abstractmethod
    async def add(self, product: Product) -> None:
        """Keep a new product.

        Raises:
            DuplicateProductError: its sku is taken.
        """

    @abc.abstractmethod
    async def get(self, sku: str) -> Product:
        """Return the product that has a sku.

        Raises:
            UnknownProductError: none has it.
        """

    @abc.abstractmethod
    async def list_all(self) -> list[Product]:
        """Return every product, ordered by sku."""


class AbstractOrderRepository(AsyncAbstractRepository[Order]):
    """The orders of the shop. What is changed on one of them is kept by the commit."""

    @abc.abstractmethod
    async def add(self, order: Order) -> None:
        """Keep a new order.

        Raises:
            DuplicateOrderError: its id is taken.
        """

    @abc.abstractmethod
    async def get(self, order_id: str) -> Order:
        """Return the order that has an id.

        Raises:
            UnknownOrderError: none has it.
        """


Repositories: TypeAlias = AbstractProductRepository | AbstractOrderRepository
"""The repositories of the shop."""


class AbstractUnitOfWork(AsyncAbstractUnitOfWork[Repositories]):
    """A unit of work of the shop: annotate with it, and the repositories are typed."""

    products: AbstractProductRepository
    orders: AbstractOrderRepository

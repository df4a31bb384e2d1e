"""The repositories of the shop, on the rows of their tables."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from ...domain.errors import (
    DuplicateOrderError,
    DuplicateProductError,
    UnknownOrderError,
    UnknownProductError,
)
from ...domain.model import Order, Product
from ...service.unit_of_work import AbstractOrderRepository, AbstractProductRepository
from .rows import Rows
from .tables import orders, products


class SqlProductRepository(AbstractProductRepository):
    """The products of the shop, in a table."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self.rows = Rows(session, products, Product)

    @override
    async def add(self, product: Product) -> None:
        if await self.rows.find(product.sku) is not None:
            raise DuplicateProductError(product.sku)
        await self.rows.add(product)
        self.seen.append(product)

    @override
    async def get(self, sku: str) -> Product:
        product = await self.rows.find(sku)
        if product is None:
            raise UnknownProductError(sku)
        self.seen.append(product)
        return product

    @override
    async def list_all(self) -> list[Product]:
        found = await self.rows.all()
        self.seen.extend(found)
        return found


class SqlOrderRepository(AbstractOrderRepository):
    """The orders of the shop, in a table."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self.rows = Rows(session, orders, Order)

    @override
    async def add(self, order: Order) -> None:
        if await self.rows.find(order.order_id) is not None:
            raise DuplicateOrderError(order.order_id)
        await self.rows.add(order)
        self.seen.append(order)

    @override
    async def get(self, order_id: str) -> Order:
        order = await self.rows.find(order_id)
        if order is None:
            raise UnknownOrderError(order_id)
        self.seen.append(order)
        return order

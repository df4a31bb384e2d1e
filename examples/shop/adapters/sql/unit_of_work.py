"""The unit of work of a shop in a database."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork

from ...service.unit_of_work import AbstractUnitOfWork, Repositories
from .inbox import Inbox
from .repositories import SqlOrderRepository, SqlProductRepository


class SqlUnitOfWork(AsyncSQLAlchemyUnitOfWork[Repositories], AbstractUnitOfWork):
    """A unit of work whose transactions are those of the database.

    Attributes:
        inbox: what has become of the lines that were handled.
    """

    products: SqlProductRepository
    orders: SqlOrderRepository
    inbox: Inbox

    @override
    def attach(self, session: AsyncSession) -> None:
        self.products = SqlProductRepository(session)
        self.orders = SqlOrderRepository(session)
        self.inbox = Inbox(session)

    @override
    async def commit(self) -> None:
        await self.products.rows.save()
        await self.orders.rows.save()
        await super().commit()

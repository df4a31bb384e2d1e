"""The unit of work of the shop: repositories and inbox in a transaction of the database."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from messagebus import AsyncAbstractRepository, Model
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork

from . import tables
from .model import DuplicateError, Order, Product, UnknownError

TModel = TypeVar("TModel", bound=Model)


class Repository(AsyncAbstractRepository[TModel]):
    """Models in a table that has a column for each of their fields.

    A transaction loads each model once. The commit writes the changes.
    """

    def __init__(self, session: AsyncSession, table: sa.Table, model: type[TModel]) -> None:
        super().__init__()
        self._session = session
        self._table = table
        self._model = model
        (self._key,) = table.primary_key.columns
        self._loaded: dict[str, TModel] = {}

    async def add(self, model: TModel) -> None:
        """Insert a new model.

        Raises:
            DuplicateError: its key is taken.
        """
        values = model.model_dump()
        key = values[self._key.name]
        if await self._find(key) is not None:
            raise DuplicateError(self._model.__name__.lower(), key)
        await self._session.execute(sa.insert(self._table).values(values))
        self._loaded[key] = model
        self.seen.append(model)

    async def get(self, key: str) -> TModel:
        """Return the model with this key and lock its row until the transaction ends.

        Raises:
            UnknownError: there is none.
        """
        model = await self._find(key)
        if model is None:
            raise UnknownError(self._model.__name__.lower(), key)
        self.seen.append(model)
        return model

    async def save(self) -> None:
        """Write the models that the transaction has loaded."""
        for key, model in self._loaded.items():
            statement = sa.update(self._table).where(self._key == key)
            await self._session.execute(statement.values(model.model_dump()))

    async def _find(self, key: str) -> TModel | None:
        if key not in self._loaded:
            query = sa.select(self._table).where(self._key == key).with_for_update()
            row = (await self._session.execute(query)).mappings().one_or_none()
            if row is None:
                return None
            self._loaded[key] = self._model.model_validate({**row})
        return self._loaded[key]


class Outcome(NamedTuple):
    """The outcome of an input line."""

    reason: str | None = None
    """Why the line was rejected; None if it was accepted."""

    is_repeated: bool = False
    """Whether the line was handled before."""


class UnitOfWork(AsyncSQLAlchemyUnitOfWork[Repository[Any]]):
    """A transaction of the shop."""

    products: Repository[Product]
    orders: Repository[Order]

    @override
    def attach(self, session: AsyncSession) -> None:
        self.products = Repository(session, tables.products, Product)
        self.orders = Repository(session, tables.orders, Order)

    @override
    async def commit(self) -> None:
        await self.products.save()
        await self.orders.save()
        await super().commit()

    async def record(self, line_id: str, outcome: Outcome) -> Outcome:
        """Record the outcome of a line, unless the line was handled before.

        Returns:
            The outcome of the line, which is the earlier one of a line that was handled before.
        """
        if self.session.get_bind().dialect.name == "postgresql":
            # Concurrent runs take turns, as they do on SQLite.
            await self.session.execute(sa.text("LOCK TABLE shop_inbox IN EXCLUSIVE MODE"))
        query = sa.select(tables.inbox.c.reason).where(tables.inbox.c.line_id == line_id)
        row = (await self.session.execute(query)).one_or_none()
        if row is not None:
            return Outcome(row.reason, is_repeated=True)
        values = {"line_id": line_id, "reason": outcome.reason}
        await self.session.execute(sa.insert(tables.inbox).values(values))
        return outcome

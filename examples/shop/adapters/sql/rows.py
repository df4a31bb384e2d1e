"""Models as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from messagebus import Model

TModel = TypeVar("TModel", bound=Model)


class Rows(Generic[TModel]):
    """The models that a transaction has taken from a table, or put into it.

    A model is read once in a transaction: whoever asks for it again gets the same object, with
    what has been changed on it.

    Args:
        session: the session of the transaction.
        table: has a column for each field of the model, and its key for the first.
        model: the class of the models.
    """

    def __init__(self, session: AsyncSession, table: sa.Table, model: type[TModel]) -> None:
        self._session = session
        self._table = table
        (self._key,) = table.primary_key.columns
        self._model = model
        self._taken: dict[str, TModel] = {}
        self._stored: dict[str, dict[str, Any]] = {}

    async def add(self, model: TModel) -> None:
        """Insert a new model; no row may have its key."""
        values = model.model_dump()
        await self._session.execute(sa.insert(self._table).values(values))
        self._keep(values[self._key.name], model, values)

    async def find(self, key: str) -> TModel | None:
        """Return the model under a key, None if there is none.

        Until the transaction ends, no other one can change its row.
        """
        if key in self._taken:
            return self._taken[key]
        query = sa.select(self._table).where(self._key == key).with_for_update()
        row = (await self._session.execute(query)).mappings().one_or_none()
        return None if row is None else self._take(row)

    async def all(self) -> list[TModel]:
        """Return all models, ordered by their keys.

        Nobody is kept from changing their rows meanwhile: this is for looking at them.
        """
        for row in (await self._session.execute(sa.select(self._table))).mappings():
            if row[self._key.name] not in self._taken:
                self._take(row)
        return [self._taken[key] for key in sorted(self._taken)]

    async def save(self) -> None:
        """Write what has been changed on the models since they were read or inserted."""
        for key, model in self._taken.items():
            values = model.model_dump()
            if values != self._stored[key]:
                await self._session.execute(
                    sa.update(self._table).where(self._key == key).values(values)
                )
                self._stored[key] = values

    def _take(self, row: Mapping[Any, Any]) -> TModel:
        model = self._model.model_validate({**row})
        self._keep(row[self._key.name], model, model.model_dump())
        return model

    def _keep(self, key: str, model: TModel, values: dict[str, Any]) -> None:
        self._taken[key] = model
        self._stored[key] = values

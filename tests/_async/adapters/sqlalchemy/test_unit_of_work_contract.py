"""The contract of a unit of work, which the one on SQLAlchemy keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from messagebus import AsyncAbstractRepository
from messagebus.adapters.sqlalchemy import AsyncDeadLetters, AsyncSQLAlchemyUnitOfWork
from messagebus.testing.unit_of_work import (
    ASYNC_UNIT_OF_WORK_RULES,
    AsyncUnitOfWorkHarness,
    Parcel,
)
from tests._async.adapters.sqlalchemy.shelves import stored
from tests.running.aio import AsyncEngine, AsyncSession, create_all

metadata = sa.MetaData()
parcels = sa.Table(
    "parcels",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kilograms", sa.Float, nullable=False),
)


class AsyncParcelRows(AsyncAbstractRepository[Parcel]):
    """Parcels in a table; those that a transaction has loaded or added are saved by the commit."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self.session = session
        self.loaded: dict[str, Parcel] = {}

    async def add(self, parcel: Parcel) -> None:
        """Store a parcel."""
        await self.session.execute(sa.insert(parcels).values(parcel.model_dump()))
        self.loaded[parcel.id] = parcel
        self.seen.append(parcel)

    async def find(self, id: str) -> Parcel | None:
        """Return a parcel."""
        if id not in self.loaded:
            found = await self.session.execute(sa.select(parcels).where(parcels.c.id == id))
            row = found.mappings().one_or_none()
            if row is None:
                return None
            self.loaded[id] = Parcel.model_validate({**row})
        self.seen.append(self.loaded[id])
        return self.loaded[id]

    async def save(self) -> None:
        """Write what was loaded."""
        for id, parcel in self.loaded.items():
            update = sa.update(parcels).where(parcels.c.id == id)
            await self.session.execute(update.values(parcel.model_dump()))


class AsyncDepot(AsyncSQLAlchemyUnitOfWork[AsyncParcelRows]):
    """A unit of work with parcels."""

    parcels: AsyncParcelRows

    def attach(self, session: AsyncSession) -> None:
        """Create the repository."""
        self.parcels = AsyncParcelRows(session)

    async def commit(self) -> None:
        """Save what was loaded."""
        await self.parcels.save()
        await super().commit()


class AsyncSQLAlchemyHarness(AsyncUnitOfWorkHarness):
    """Tables that are empty."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    def uow(self) -> AsyncDepot:
        """Make a unit of work."""
        return AsyncDepot(self.engine)

    async def stored(self) -> Sequence[tuple[UUID, UUID | None, UUID]]:
        """Return the identifiers in the rows."""
        return [
            (each.message_id, each.causation_id, each.correlation_id)
            for each in await stored(self.engine)
        ]

    async def dead_letters(self) -> Sequence[tuple[str, UUID]]:
        """Return the dead letters."""
        letters = await AsyncDeadLetters(self.engine).list()
        return [(each.consumer, each.message_id) for each in letters]


@pytest.mark.parametrize("rule", ASYNC_UNIT_OF_WORK_RULES)
async def test_the_contract_is_kept(
    engine: AsyncEngine, rule: Callable[[AsyncUnitOfWorkHarness], Any]
) -> None:
    """A broken rule states what it expected."""
    await create_all(engine, metadata)
    await rule(AsyncSQLAlchemyHarness(engine))

"""The tables, and the unit of work on them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from messagebus import AsyncAbstractRepository
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork, define_tables

from .model import Show, ShowExistsError, UnknownShowError

metadata = sa.MetaData()
"""All tables of the database."""

outbox = define_tables(metadata, prefix="api_")
"""The handled messages, with the delivery state of the published ones."""

shows = sa.Table(
    "api_shows",
    metadata,
    sa.Column("show", sa.Text, primary_key=True),
    sa.Column("free", sa.Integer, nullable=False),
)


class Shows(AsyncAbstractRepository[Show]):
    """The shows that are on sale."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__()
        self._session = session

    async def add(self, show: Show) -> None:
        """Insert a new show.

        Raises:
            ShowExistsError: its code is taken.
        """
        if await self._find(show.show) is not None:
            raise ShowExistsError(show.show)
        await self._session.execute(sa.insert(shows).values(show.model_dump()))
        self.seen.append(show)

    async def get(self, code: str) -> Show:
        """Return the show with this code.

        Raises:
            UnknownShowError: there is none.
        """
        show = await self._find(code)
        if show is None:
            raise UnknownShowError(code)
        self.seen.append(show)
        return show

    async def save(self, show: Show) -> None:
        """Write the changes of a show."""
        statement = sa.update(shows).where(shows.c.show == show.show)
        await self._session.execute(statement.values(show.model_dump()))

    async def _find(self, code: str) -> Show | None:
        query = sa.select(shows).where(shows.c.show == code)
        row = (await self._session.execute(query)).mappings().one_or_none()
        return None if row is None else Show(**row)


class UnitOfWork(AsyncSQLAlchemyUnitOfWork[Shows]):
    """A transaction of the box office."""

    shows: Shows

    @override
    def attach(self, session: AsyncSession) -> None:
        self.shows = Shows(session)

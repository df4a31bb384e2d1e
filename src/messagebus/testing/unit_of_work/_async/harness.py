"""The access of the rules to a unit of work, and to what it has committed."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from ....service._async.unit_of_work import AsyncAbstractUnitOfWork
from ..model import Parcel


class AsyncParcels(Protocol):
    """The repository of the rules. Its changes are written with the commit."""

    async def add(self, parcel: Parcel, /) -> None:
        """Add a parcel. The error for an *id* that is taken comes now or with the commit."""

    async def find(self, id: str, /) -> Parcel | None:
        """Return a parcel; None if there is none of this *id*."""


class AsyncUnitOfWorkHarness(abc.ABC):
    """An empty store, and units of work on it."""

    @abc.abstractmethod
    def uow(self) -> AsyncAbstractUnitOfWork[Any]:
        """Create a unit of work with the attributes *parcels* and *inbox*."""

    @abc.abstractmethod
    async def stored(self) -> Sequence[tuple[UUID, UUID | None, UUID]]:
        """Return identifier, causation and correlation of the stored messages, in order."""

    @abc.abstractmethod
    async def dead_letters(self) -> Sequence[tuple[str, UUID]]:
        """Return consumer and message of the dead letters."""

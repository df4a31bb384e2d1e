"""How the rules get at a store and at its relay."""

from __future__ import annotations

import abc
from typing import Any, Protocol

from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ....service._async.repository import AsyncAbstractRepository
from ....service._async.unit_of_work import AsyncAbstractUnitOfWork
from ..messages import Parcel


class AsyncRelay(Protocol):
    """Sends what a store holds."""

    async def drain(self) -> int:
        """Send all that is pending; return how many messages that were.

        Raises:
            ConnectionError: the broker can not be reached.
        """


class AsyncParcels(AsyncAbstractRepository[Parcel]):
    """Parcels, which are only looked at."""


class AsyncOutboxHarness(abc.ABC):
    """A store that is empty at first, and the ways to it."""

    @abc.abstractmethod
    def uow(self) -> AsyncAbstractUnitOfWork[Any]:
        """Make a unit of work on the store; it needs no repository."""

    @abc.abstractmethod
    def relay(self, transport: AsyncAbstractEventstreamTransport) -> AsyncRelay:
        """Make a relay from the store to a transport.

        It parks what is rejected, and takes over quickly from one that has ended: the rules
        wait for both.
        """

"""The access of the rules to a store and its relay."""

from __future__ import annotations

import abc
from typing import Any, Protocol

from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ....service._async.unit_of_work import AsyncAbstractUnitOfWork


class AsyncRelay(Protocol):
    """Sends the messages of a store."""

    async def drain(self) -> int:
        """Send all pending messages and return their number.

        Raises:
            ConnectionError: the broker cannot be reached.
        """


class AsyncOutboxHarness(abc.ABC):
    """An empty store, and access to it."""

    @abc.abstractmethod
    def uow(self) -> AsyncAbstractUnitOfWork[Any]:
        """Create a unit of work on the store; it needs no repository."""

    @abc.abstractmethod
    def relay(self, transport: AsyncAbstractEventstreamTransport) -> AsyncRelay:
        """Create a relay from the store to a transport.

        It parks rejected messages, and takes over quickly from a relay that has ended: the rules
        wait for both.
        """

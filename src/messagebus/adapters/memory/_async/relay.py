"""The relay in memory: sends what units of work have committed."""

from __future__ import annotations

from ...._compat.aio import finish
from ....exceptions import MessageRejectedError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..store import MemoryStore


class AsyncMemoryRelay:
    """Send the published messages of a store to a transport.

    Args:
        store: the store.
        transport: sends the messages.
    """

    def __init__(self, store: MemoryStore, transport: AsyncAbstractEventstreamTransport) -> None:
        self._store = store
        self._transport = transport

    async def drain(self) -> int:
        """Send all pending messages in order, and return their number.

        A message that the broker rejects is parked. While another relay of the store sends, this
        one leaves everything to it.

        Raises:
            TransportUnavailableError: the broker cannot be reached.
        """
        if not self._store.relaying.acquire(blocking=False):
            return 0
        sent = 0
        try:
            while pending := self._store.pending():
                for id, stored in pending:
                    send = self._transport.send_message_serialized
                    try:
                        await finish(send(stored.wire), send)  # type: ignore[func-returns-value,unused-ignore]
                    except MessageRejectedError as error:
                        self._store.decide(id, "parked", str(error))
                    else:
                        self._store.decide(id, "sent")
                        sent += 1
        finally:
            self._store.relaying.release()
        return sent

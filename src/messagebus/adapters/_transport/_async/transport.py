"""A transport that loses its connection now and then, and goes on in order."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ....exceptions import BatchSendError, StreamMissingError, TransportUnavailableError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from .._compat.aio import sleep
from ..encoding import Parcel, bundle, pack, pauses

T = TypeVar("T")


class AsyncBrokerTransport(AsyncAbstractEventstreamTransport, Generic[T]):
    """Send messages to a broker in bundles, each confirmed before the next is sent.

    When the connection is lost, or the broker does not answer in time, what was not confirmed is
    sent again in the same order, over a new connection. A broker that knows what it has stored
    (by the identifier of the message) drops what had arrived already, so that neither order nor
    number of the messages suffers.

    Args:
        patience: how many seconds to try to reach the broker before giving up. Progress starts
            the time anew.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience

    @abc.abstractmethod
    def _encode(self, message: Mapping[str, Any]) -> Parcel[T]:
        """Turn a message into what the broker gets.

        Raises:
            MessageRejectedError: it can never be sent; TypeError and ValueError mean the same.
        """

    @abc.abstractmethod
    async def _send(self, parcels: Sequence[Parcel[T]]) -> tuple[int, Exception | None]:
        """Send a bundle once.

        Returns:
            How many parcels from the first on the broker has confirmed, and what kept it from
            confirming the next; None if there is no next.
        """

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a message; return when the broker has confirmed it.

        Raises:
            TransportUnavailableError: the broker can not be reached, or does not answer.
            MessageRejectedError: this message can not be sent, however often it is tried.
        """
        _, failure = await self._deliver([message])
        if failure is not None:
            raise failure

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send messages in their order; return when the broker has confirmed all.

        Raises:
            BatchSendError: a message failed, and the error says how many before it were
                confirmed. Its cause is what sending the message alone would have raised.
        """
        sent, failure = await self._deliver(messages)
        if failure is not None:
            raise BatchSendError(sent) from failure

    async def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> tuple[int, Exception | None]:
        parcels, rejection = pack(messages, self._encode)
        sent = 0
        remaining: Iterator[float] | None = None
        while sent < len(parcels):
            confirmed, failure = await self._send(bundle(parcels, sent))
            sent += confirmed
            if remaining is None or confirmed:
                remaining = pauses(self._patience)
            if failure is not None:
                pause = next(remaining, None) if _passes(failure) else None
                if pause is None:
                    return sent, failure
                await sleep(pause)
        return sent, rejection


def _passes(failure: Exception) -> bool:
    """Tell whether a failure may be gone when the same is tried again soon."""
    return isinstance(failure, TransportUnavailableError) and not isinstance(
        failure, StreamMissingError
    )

"""The base of transports whose connection may be lost and come back."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from ...._compat.waits.aio import sleep
from ....exceptions import (
    BatchSendError,
    StreamMissingError,
    TransportRefusedError,
    TransportUnavailableError,
)
from ....retry import Backoff
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..encoding import Parcel, bundle, pack

T = TypeVar("T")

_RECONNECT = Backoff(first=0.05, longest=1.0, jitter=0.5)


class AsyncBrokerTransport(AsyncAbstractEventstreamTransport, Generic[T]):
    """Send messages to a broker in bundles, each confirmed before the next is sent.

    When the connection is lost, or the broker does not answer in time, the messages that were not
    confirmed are sent again in the same order, over a new connection. A broker that recognizes a
    message by its identifier drops the ones that had arrived, so each is stored once and in order.

    Args:
        patience: how long to keep trying to reach the broker, in seconds. Each confirmed message
            restarts the clock.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience

    @abc.abstractmethod
    def _encode(self, message: Mapping[str, Any]) -> Parcel[T]:
        """Encode a message for the broker.

        Raises:
            MessageRejectedError: the message can never be sent; TypeError and ValueError mean the
                same.
        """

    @abc.abstractmethod
    async def _send(self, parcels: Sequence[Parcel[T]]) -> tuple[int, Exception | None]:
        """Send a bundle once.

        Returns:
            The number of parcels, from the first on, that the broker has confirmed, and the error
            of the next one; None if all are confirmed.
        """

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a message; return when the broker has confirmed it.

        Raises:
            TransportUnavailableError: the broker cannot be reached or does not answer.
            TransportRefusedError: it refuses the user or the configuration; raised at once.
            MessageRejectedError: the message cannot be sent, however often it is tried.
        """
        _, failure = await self._deliver([message])
        if failure is not None:
            raise failure

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send messages in order; return when the broker has confirmed all of them.

        Raises:
            BatchSendError: a message failed; the error says how many before it were confirmed.
                Its cause is the error that sending the message alone would have raised.
        """
        sent, failure = await self._deliver(messages)
        if failure is not None:
            raise BatchSendError(sent) from failure

    async def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> tuple[int, Exception | None]:
        parcels, rejection = pack(messages, self._encode)
        sent = 0
        delays = _RECONNECT.delays(self._patience)
        while sent < len(parcels):
            confirmed, failure = await self._send(bundle(parcels, sent))
            if confirmed:
                sent += confirmed
                delays = _RECONNECT.delays(self._patience)
            if failure is not None:
                delay = next(delays, None) if _may_pass(failure) else None
                if delay is None:
                    return sent, failure
                await sleep(delay)
        return sent, rejection


def _may_pass(failure: Exception) -> bool:
    """Return whether the same bundle may succeed when it is sent again soon."""
    return isinstance(failure, TransportUnavailableError) and not isinstance(
        failure, StreamMissingError | TransportRefusedError
    )

"""Sending through outages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...._compat.waits.aio import sleep
from ....exceptions import BatchSendError, TransportUnavailableError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport

BATCH = 100
_PAUSE = 0.01  # seconds
_MOST_FAILURES = 1_000


async def send_until_confirmed(
    transport: AsyncAbstractEventstreamTransport, messages: Sequence[Mapping[str, Any]]
) -> None:
    """Send messages as an outbox does: retry in order until all are confirmed.

    Raises:
        BatchSendError: a message was refused, or the outage does not end.
    """
    sent = failures = 0
    while sent < len(messages):
        batch = messages[sent : sent + BATCH]
        try:
            await transport.send_messages_serialized(batch)
            sent += len(batch)
        except BatchSendError as error:
            failures += 1
            if failures > _MOST_FAILURES or not is_outage(error):
                raise
            sent += error.sent
            await sleep(_PAUSE)


def is_outage(error: BatchSendError) -> bool:
    """Return whether a batch failed because of an outage."""
    return isinstance(error.__cause__, TransportUnavailableError)

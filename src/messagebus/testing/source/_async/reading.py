"""Reading from a source as a consumer does: again after each outage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

from ...._compat.waits.aio import sleep
from ....exceptions import TransportUnavailableError
from ....inbox._async.source import AsyncAbstractSource
from ....inbox.capability import SourceCapability
from ....inbox.delivery import Delivery
from ...transport.messages import new_messages
from ...transport.outcome import expect_arrived
from .harness import AsyncSourceHarness

PATIENCE = 30.0
"""The seconds after which what has not come counts as lost."""

_PAUSE = 0.01  # seconds
_SILENCE = 0.1  # seconds


@asynccontextmanager
async def reading(
    harness: AsyncSourceHarness, consumer: str = "reader"
) -> AsyncIterator[AsyncAbstractSource]:
    """Yield a source that reads all partitions; close it at the end."""
    source = harness.source(consumer)
    try:
        await start(source)
        yield source
    finally:
        await source.close()


async def start(source: AsyncAbstractSource, share: Collection[int] | None = None) -> None:
    """Connect a source, and assign it a share of its partitions; all of them by default."""
    await source.connect()
    if source.partitions:
        await source.assign(range(source.partitions) if share is None else share)


async def send(harness: AsyncSourceHarness, messages: Sequence[Mapping[str, Any]]) -> None:
    """Send messages with a transport of their own."""
    async with harness.transport() as transport:
        await transport.send_messages_serialized(messages)


async def next_batch(source: AsyncAbstractSource, limit: int) -> Sequence[Delivery]:
    """Receive once, as soon as there is something; return nothing if nothing comes."""
    batch: Sequence[Delivery] = ()
    end = monotonic() + PATIENCE
    while not batch and (left := end - monotonic()) > 0:
        batch = await through_outages(partial(source.receive, limit, min(left, 1.0)))
    return batch


async def take(source: AsyncAbstractSource, count: int) -> list[Delivery]:
    """Receive a number of messages, or fewer if no more come."""
    taken: list[Delivery] = []
    end = monotonic() + PATIENCE
    while len(taken) < count and monotonic() < end:
        taken += await next_batch(source, count - len(taken))
    return taken


async def drain(source: AsyncAbstractSource, count: int) -> list[Delivery]:
    """Receive and settle in batches until so many different messages have come.

    A message may have come twice.
    """
    taken: list[Delivery] = []
    seen: set[object] = set()
    end = monotonic() + PATIENCE
    while len(seen) < count and monotonic() < end:
        batch = await through_outages(partial(source.receive, 50, 0.2))
        await through_outages(partial(source.settle, batch))
        taken += batch
        seen.update(each["id"] for each in wires(batch))
    return taken


async def through_outages(call: Callable[[], Any]) -> Any:
    """Make a call until it succeeds.

    Raises:
        TransportUnavailableError: the outage does not end.
    """
    end = monotonic() + PATIENCE
    while True:
        try:
            return await call()
        except TransportUnavailableError:
            if monotonic() > end:
                raise
            await sleep(_PAUSE)


async def rest(
    harness: AsyncSourceHarness, source: AsyncAbstractSource, silence: float = _SILENCE
) -> list[Delivery]:
    """Return what is still delivered, and settle it: nothing, if all was settled before.

    A message that is sent now shows when to stop, after some seconds of *silence*.
    """
    last = new_messages(1)
    await send(harness, last)
    taken: list[Delivery] = []
    end = monotonic() + PATIENCE
    while last[0] not in wires(taken) and monotonic() < end:
        taken += await next_batch(source, 100)
    more: Sequence[Delivery] = taken
    while more:
        await through_outages(partial(source.settle, more))
        more = await through_outages(partial(source.receive, 100, silence))
        taken = [*taken, *more]
    return [each for each in taken if each.wire != last[0]]


def wires(deliveries: Sequence[Delivery]) -> list[Mapping[str, Any]]:
    """Return the wire messages of deliveries; an empty one where it could not be read."""
    return [each.wire if each.wire is not None else {} for each in deliveries]


def expect_delivered(
    harness: AsyncSourceHarness,
    sent: Sequence[Mapping[str, Any]],
    received: Sequence[Mapping[str, Any]],
    *,
    once: bool = True,
) -> None:
    """Expect messages to have been delivered, in order where the source keeps it.

    Args:
        harness: knows what the source promises.
        sent: the messages in order.
        received: what was delivered, in order.
        once: whether each must be there only once; otherwise the first of each counts.
    """
    is_ordered = SourceCapability.ORDER in harness.capabilities
    expect_arrived(sent, received, once=once, ordered=is_ordered)

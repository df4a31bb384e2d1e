"""The rules of sending while the broker comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import Any

from ...._compat.aio import sleep
from ....exceptions import BatchSendError, TransportUnavailableError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..capability import Capability
from ..messages import new_messages
from ..outcome import expect, expect_arrived, expecting
from .harness import AsyncTransportHarness

_LOAD = 10_000
_BATCH = 100
_PAUSE = 0.01  # seconds
_MOST_FAILURES = 1_000


async def an_outage_is_reported_and_nothing_counted_as_sent(
    harness: AsyncTransportHarness,
) -> None:
    """A broker that is not there is no fault of the message."""
    messages = new_messages(3)
    async with harness.transport() as transport:
        harness.stop_broker()
        with expecting(TransportUnavailableError):
            await transport.send_message_serialized(messages[0])
        with expecting(BatchSendError) as batch:
            await transport.send_messages_serialized(messages)
        expect(0, batch.error.sent, "what was sent")
        expect(True, _is_outage(batch.error), "whether the cause is the outage")
    harness.start_broker()
    expect_arrived([], await harness.received(), once=True)


async def after_an_outage_the_backlog_is_sent_in_order(harness: AsyncTransportHarness) -> None:
    """The same transport finds the broker again, and the broker has what it confirmed."""
    messages = new_messages(40)
    async with harness.transport() as transport:
        await transport.send_messages_serialized(messages[:10])
        for end, start in ((harness.stop_broker, 10), (harness.kill_broker, 20)):
            end()
            with expecting(BatchSendError) as batch:
                await transport.send_messages_serialized(messages[start : start + 10])
            expect(0, batch.error.sent, "what was sent")
            harness.start_broker()
            await send_until_confirmed(transport, messages[start : start + 10])
        await send_until_confirmed(transport, messages[30:])
    expect_arrived(messages, await harness.received(), once=_knows_duplicates(harness))


async def a_broker_that_is_restarted_under_load_loses_nothing(
    harness: AsyncTransportHarness,
) -> None:
    """Restarted at a third and at a half of the messages, it has them all in order."""
    await _send_while(harness, harness.stop_broker)


async def a_broker_that_is_killed_under_load_loses_nothing(
    harness: AsyncTransportHarness,
) -> None:
    """Killed at a third and at a half of the messages, it has them all in order."""
    await _send_while(harness, harness.kill_broker)


async def _send_while(harness: AsyncTransportHarness, end_broker: Callable[[], None]) -> None:
    def restart() -> None:
        end_broker()
        harness.start_broker()

    sent: list[Mapping[str, Any]] = []
    async with harness.transport() as transport:
        for part in (_LOAD // 3, _LOAD // 6):
            sent += await _send_new(transport, part)
            restarting = Thread(target=restart)
            restarting.start()
            while restarting.is_alive():  # by turns, so that either may be interrupted
                sent += await _send_new(transport, 1)
                sent += await _send_new(transport, _BATCH)
        sent += await _send_new(transport, _LOAD // 2)
    expect_arrived(sent, await harness.received(), once=_knows_duplicates(harness))


async def _send_new(
    transport: AsyncAbstractEventstreamTransport, count: int
) -> Sequence[Mapping[str, Any]]:
    messages = new_messages(count)
    await send_until_confirmed(transport, messages)
    return messages


async def send_until_confirmed(
    transport: AsyncAbstractEventstreamTransport, messages: Sequence[Mapping[str, Any]]
) -> None:
    """Send messages as an outbox does: again, until all are confirmed, and the first always first.

    Raises:
        BatchSendError: a message was refused, or there is no end of the outage.
    """
    sent = failures = 0
    while sent < len(messages):
        batch = messages[sent : sent + _BATCH]
        try:
            await transport.send_messages_serialized(batch)
            sent += len(batch)
        except BatchSendError as error:
            failures += 1
            if failures > _MOST_FAILURES or not _is_outage(error):
                raise
            sent += error.sent
            await sleep(_PAUSE)


def _is_outage(error: BatchSendError) -> bool:
    return isinstance(error.__cause__, TransportUnavailableError)


def _knows_duplicates(harness: AsyncTransportHarness) -> bool:
    return Capability.DEDUPLICATION in harness.capabilities


OUTAGES = {
    an_outage_is_reported_and_nothing_counted_as_sent: Capability.OUTAGES,
    after_an_outage_the_backlog_is_sent_in_order: Capability.OUTAGES,
    a_broker_that_is_restarted_under_load_loses_nothing: Capability.OUTAGES,
    a_broker_that_is_killed_under_load_loses_nothing: Capability.OUTAGES,
}
"""The rules, each with what a transport has to be capable of for it."""

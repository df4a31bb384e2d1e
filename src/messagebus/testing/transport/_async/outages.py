"""The rules of sending while the broker stops and starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import Any

from ....exceptions import BatchSendError, TransportUnavailableError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..capability import Capability
from ..messages import new_messages
from ..outcome import expect, expect_arrived, expecting
from .harness import AsyncTransportHarness as Harness
from .retrying import BATCH, is_outage, send_until_confirmed

_LOAD = 10_000


async def an_outage_is_reported_and_nothing_counted_as_sent(harness: Harness) -> None:
    """An outage is not the fault of a message."""
    messages = new_messages(3)
    async with harness.transport() as transport:
        harness.stop_broker()
        with expecting(TransportUnavailableError):
            await transport.send_message_serialized(messages[0])
        with expecting(BatchSendError) as batch:
            await transport.send_messages_serialized(messages)
        expect(0, batch.exception.sent, "what was sent")
        expect(True, is_outage(batch.exception), "whether the cause is the outage")
    harness.start_broker()
    expect_arrived([], await harness.received())


async def after_an_outage_the_backlog_is_sent_in_order(harness: Harness) -> None:
    """The same transport reconnects, and the broker has every message it confirmed."""
    messages = new_messages(40)
    async with harness.transport() as transport:
        await transport.send_messages_serialized(messages[:10])
        for end, start in ((harness.stop_broker, 10), (harness.kill_broker, 20)):
            end()
            with expecting(BatchSendError) as batch:
                await transport.send_messages_serialized(messages[start : start + 10])
            expect(0, batch.exception.sent, "what was sent")
            harness.start_broker()
            await send_until_confirmed(transport, messages[start : start + 10])
        await send_until_confirmed(transport, messages[30:])
    expect_arrived(messages, await harness.received(), once=_knows_duplicates(harness))


async def a_broker_that_is_restarted_under_load_loses_nothing(harness: Harness) -> None:
    """It restarts after a third and after half of the messages, and has them all in order."""
    await _send_while(harness, harness.stop_broker)


async def a_broker_that_is_killed_under_load_loses_nothing(harness: Harness) -> None:
    """It is killed after a third and after half of the messages, and has them all in order."""
    await _send_while(harness, harness.kill_broker)


async def _send_while(harness: Harness, end_broker: Callable[[], None]) -> None:
    def restart() -> None:
        end_broker()
        harness.start_broker()

    sent: list[Mapping[str, Any]] = []
    async with harness.transport() as transport:
        for part in (_LOAD // 3, _LOAD // 6):
            sent += await _send_new(transport, part)
            restarting = Thread(target=restart)
            restarting.start()
            while restarting.is_alive():  # alternately, so that either may be interrupted
                sent += await _send_new(transport, 1)
                sent += await _send_new(transport, BATCH)
        sent += await _send_new(transport, _LOAD // 2)
    expect_arrived(sent, await harness.received(), once=_knows_duplicates(harness))


async def _send_new(
    transport: AsyncAbstractEventstreamTransport, count: int
) -> Sequence[Mapping[str, Any]]:
    messages = new_messages(count)
    await send_until_confirmed(transport, messages)
    return messages


def _knows_duplicates(harness: Harness) -> bool:
    return Capability.DEDUPLICATION in harness.capabilities

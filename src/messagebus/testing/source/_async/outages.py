"""The rules of receiving while the broker stops and starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread

from ....exceptions import TransportUnavailableError
from ...transport._async.retrying import send_until_confirmed
from ...transport.messages import new_messages
from ...transport.outcome import expect, expecting
from .harness import AsyncSourceHarness as Harness
from .reading import drain, expect_delivered, reading, rest, send, take, through_outages, wires

_LOAD = 1_000


async def an_outage_is_reported_and_the_source_goes_on_after_it(harness: Harness) -> None:
    """Whatever the consumer was doing."""
    messages = new_messages(10)
    async with reading(harness) as source:
        await send(harness, messages[:5])
        first = await take(source, 5)
        harness.stop_broker()
        with expecting(TransportUnavailableError):
            await source.receive(10, 0.5)
        harness.start_broker()
        await through_outages(partial(source.settle, first))
        async with harness.transport() as transport:
            await send_until_confirmed(transport, messages[5:])
        later = await drain(source, 5)
        # What was delivered before may come again after *hold* seconds only.
        later += await rest(harness, source, 1.5 * (source.hold or 0.1))
        lost = [each for each in messages if each not in wires([*first, *later])]
        expect([], lost, "what is lost")
    async with reading(harness) as successor:
        expect([], wires(await rest(harness, successor)), "what is left")


async def a_broker_that_is_restarted_loses_nothing(harness: Harness) -> None:
    """All messages come, in order where it is kept; those that come twice were not settled."""
    await _read_while(harness, harness.stop_broker)


async def a_broker_that_is_killed_loses_nothing(harness: Harness) -> None:
    """All messages come, in order where it is kept; those that come twice were not settled."""
    await _read_while(harness, harness.kill_broker)


async def _read_while(harness: Harness, end_broker: Callable[[], None]) -> None:
    def restart() -> None:
        end_broker()
        harness.start_broker()

    messages = new_messages(_LOAD)
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await drain(source, _LOAD // 3)
        restarting = Thread(target=restart)
        restarting.start()
        held = await take(source, 20)
        restarting.join()
        await through_outages(partial(source.settle, held))
        seen = {each["id"] for each in wires([*taken, *held])}
        taken += held
        taken += await drain(source, _LOAD - len(seen))
        taken += await rest(harness, source)
    expect_delivered(harness, messages, wires(taken), once=False)

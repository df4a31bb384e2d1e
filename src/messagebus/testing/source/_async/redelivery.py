"""The rules of settling, of giving back, and of what is delivered again."""

from __future__ import annotations

from functools import partial
from time import monotonic

from ....inbox.capability import SourceCapability
from ...transport.messages import new_messages
from ...transport.outcome import expect, expect_arrived
from .harness import AsyncSourceHarness as Harness
from .reading import (
    drain,
    expect_delivered,
    reading,
    rest,
    send,
    start,
    take,
    through_outages,
    wires,
)


async def what_is_settled_is_never_delivered_again(harness: Harness) -> None:
    """Not to this source, and not to the next one."""
    messages = new_messages(5)
    async with reading(harness) as source:
        await send(harness, messages)
        await source.settle(await take(source, 5))
        expect([], wires(await rest(harness, source)), "what is left for the source")
    async with reading(harness) as successor:
        expect([], wires(await rest(harness, successor)), "what is left for the successor")


async def what_is_not_settled_is_delivered_again_after_closing(harness: Harness) -> None:
    """It comes in order, and before what is new."""
    messages = new_messages(12)
    async with reading(harness) as source:
        await send(harness, messages[:8])
        taken = await take(source, 6)
        _expect_redelivered(harness, [False] * 6, [each.redelivered for each in taken])
        await source.settle(taken[:2])
    await send(harness, messages[8:])
    async with reading(harness) as successor:
        taken = await take(successor, 10)
        expect_arrived(messages[2:], wires(taken))
        again = [each.redelivered for each in taken if each.wire in messages[2:6]]
        _expect_redelivered(harness, [True] * 4, again)
        await successor.settle(taken)
        expect([], wires(await rest(harness, successor)), "what is left")


async def what_a_killed_process_held_is_delivered_to_another(harness: Harness) -> None:
    """It comes in order, and nothing else comes twice."""
    messages = new_messages(8)
    killed = harness.source()
    try:
        await start(killed)
        await send(harness, messages[:6])
        taken = await take(killed, 5)
        await killed.settle(taken[:1])
        await harness.cut(killed)
        async with reading(harness) as source:
            await send(harness, messages[6:])
            taken = await take(source, 7)
            expect_delivered(harness, messages[1:], wires(taken))
            again = [each.redelivered for each in taken if each.wire in messages[1:5]]
            _expect_redelivered(harness, [True] * 4, again)
            await source.settle(taken)
            expect([], wires(await rest(harness, source)), "what is left")
    finally:
        await killed.close()


async def a_source_goes_on_when_its_connection_was_lost(harness: Harness) -> None:
    """What it held, it still holds, or it is delivered again; all of it can be settled."""
    messages = new_messages(10)
    async with reading(harness) as source:
        await send(harness, messages[:6])
        first = await take(source, 4)
        await source.settle(first[:1])
        await harness.cut(source)
        await send(harness, messages[6:])
        later = await take(source, 6)
        await through_outages(partial(source.settle, first))  # of which some may be stale
        await source.settle(later)
        later += await rest(harness, source)
    expect([], [each for each in messages if each not in wires([*first, *later])], "what is lost")
    expect([], [each for each in messages[:1] if each in wires(later)], "what was settled before")
    async with reading(harness) as successor:
        expect([], wires(await rest(harness, successor)), "what is left")


async def settling_again_settles_nothing_else(harness: Harness) -> None:
    """Not even after the connection was lost, when a broker may count from one again."""
    messages = new_messages(6)
    async with reading(harness) as source:
        await send(harness, messages)
        old = await take(source, 2)
        await source.settle(old)
        await source.settle(old)
        await harness.cut(source)
        await take(source, 2)
        await source.settle(old)
        await source.release(old)
        await source.extend(old)
    async with reading(harness) as successor:
        taken = await take(successor, 4)
        expect_delivered(harness, messages[2:], wires(taken))
        await successor.settle(taken)


async def settling_out_of_order_loses_nothing(harness: Harness) -> None:
    """A message that is not settled is delivered again, whatever was settled behind it."""
    messages = new_messages(6)
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await take(source, 6)
        await source.settle([taken[4], taken[2]])
        await source.settle([taken[0]])
    expected = [messages[number] for number in (1, 3, 5)]
    async with reading(harness) as successor:
        left = wires(await drain(successor, 3))
        if SourceCapability.SEPARATE not in harness.capabilities:
            left += wires(await rest(harness, successor))
            left = [each for each in left if each in expected]  # others may have come again
        expect_delivered(harness, expected, left)


async def what_is_released_is_delivered_again(harness: Harness) -> None:
    """It comes to the same source as well, and in order where the source keeps order."""
    messages = new_messages(8)
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await take(source, 5)
        await source.settle(taken[:1])
        await source.release(taken[1:])
        expect([], list(source.held(taken[1:])), "what is still held")
        again = await take(source, 7)
        expect_delivered(harness, messages[1:], wires(again))
        flags = [each.redelivered for each in again if each.wire in messages[1:5]]
        _expect_redelivered(harness, [True] * 4, flags)
        await source.release(again[-1:])
        await source.settle(again)  # the last is not held any more
        expect(wires(again[-1:]), wires(await rest(harness, source)), "what was released again")


async def what_is_released_may_be_held_back(harness: Harness) -> None:
    """It comes when the delay is over, and not before."""
    messages = new_messages(1)
    async with reading(harness) as source:
        await send(harness, messages)
        begin = monotonic()
        await source.release(await take(source, 1), 0.3)
        taken = await take(source, 1)
        expect(True, monotonic() - begin >= 0.25, "whether it was held back")
        expect_arrived(messages, wires(taken))
        await source.settle(taken)


async def a_source_can_be_closed_twice_and_used_again(harness: Harness) -> None:
    """It starts, stops and starts again, with what is left."""
    messages = new_messages(6)
    source = harness.source()
    await source.close()
    await start(source)
    await send(harness, messages)
    taken = await take(source, 2)
    await source.settle(taken)
    await source.close()
    await source.close()
    await start(source)
    expect([], list(source.held(taken)), "what is held from before")
    await source.settle(taken)
    taken = await take(source, 4)
    expect_arrived(messages[2:], wires(taken))
    await source.settle(taken)
    expect([], wires(await rest(harness, source)), "what is left")
    await source.close()


def _expect_redelivered(harness: Harness, expected: list[bool], actual: list[bool | None]) -> None:
    """Expect the flags of deliveries; None where the broker does not tell."""
    if SourceCapability.REDELIVERED in harness.capabilities:
        expect(expected, actual, "whether they were delivered before")
    else:
        expect({None}, {None, *actual}, "whether they were delivered before")

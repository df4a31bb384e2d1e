"""The rules of several consumers, processes and streams."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from time import monotonic

from ...._compat.waits.aio import together
from ....inbox.delivery import Delivery
from ...transport.messages import new_messages
from ...transport.outcome import expect, expect_arrived
from .harness import AsyncSourceHarness as Harness
from .reading import PATIENCE, drain, reading, rest, send, start, take, wires


async def processes_of_one_consumer_share_its_messages(harness: Harness) -> None:
    """Each message is delivered to one of them, once."""
    messages = new_messages(200)
    for number, message in enumerate(messages):
        message["ordering_key"] = f"parcel {number % 20}"
    sources = [harness.source(), harness.source()]
    try:
        for number, source in enumerate(sources):
            await start(source, range(number, source.partitions, 2))
        await send(harness, messages)
        taken: list[Delivery] = []
        end = monotonic() + PATIENCE
        for source in cycle(sources):
            if len(taken) >= 200 or monotonic() > end:
                break
            batch = await source.receive(30, 0.05)
            await source.settle(batch)
            taken += batch
        expect_arrived(messages, wires(taken), ordered=False)
    finally:
        for source in sources:
            await source.close()
    async with reading(harness) as successor:
        expect([], wires(await rest(harness, successor)), "what is left")


async def consumers_of_different_names_get_every_message(harness: Harness) -> None:
    """What one of them settles is not settled for the other."""
    messages = new_messages(10)
    async with reading(harness, "one") as one, reading(harness, "two") as two:
        await send(harness, messages)
        expect_arrived(messages, wires(await drain(one, 10)))
        expect_arrived(messages, wires(await drain(two, 10)))
        expect([], wires(await rest(harness, one)), "what is left for the first")


async def streams_are_kept_apart(harness: Harness) -> None:
    """The consumer of a stream gets its messages, and no others."""
    streams = [harness, harness.another(), harness.another()]
    series = [new_messages(20) for _ in streams]

    async def read(number: int) -> None:
        async with reading(streams[number]) as source:
            await send(streams[number], series[number])
            expect_arrived(series[number], wires(await drain(source, 20)))
            expect([], wires(await rest(streams[number], source)), "what is left")

    await together(*(partial(read, number) for number in range(len(streams))))


async def sources_may_come_and_go_at_the_same_time(harness: Harness) -> None:
    """A source that is opened afterwards gets every message."""
    messages = new_messages(20)
    sources = [harness.source() for _ in range(6)]

    async def visit(number: int) -> None:
        await sources[number].connect()
        await sources[number].close()

    async with reading(harness):
        pass
    await together(*(partial(visit, number) for number in range(len(sources))))
    async with reading(harness) as source:
        await send(harness, messages)
        expect_arrived(messages, wires(await drain(source, 20)))


async def a_partition_is_handed_over_with_what_is_not_settled(harness: Harness) -> None:
    """The next holder gets that first, in order; the one before holds nothing of it any more."""
    messages = new_messages(8)
    one, two = harness.source(), harness.source()
    try:
        await start(one)
        await start(two, ())
        await send(harness, messages[:5])
        old = await take(one, 3)
        await one.settle(old[:1])
        expect(old[1:], list(one.held(old[1:])), "what is held")
        await one.assign(())
        expect([], list(one.held(old[1:])), "what is held afterwards")
        await one.settle(old[1:])
        await two.assign(range(two.partitions))
        await send(harness, messages[5:])
        expect([], list(await one.receive(10, 0.0)), "what comes from partitions given up")
        expect_arrived(messages[1:], wires(taken := await take(two, 7)))
        expect(taken, list(two.held(taken)), "what is held by the next")
        await two.settle(taken)
        await one.assign(range(one.partitions))
        await two.assign(())
        expect([], wires(await rest(harness, one)), "what is left")
    finally:
        await one.close()
        await two.close()


async def a_partition_that_is_kept_is_read_on(harness: Harness) -> None:
    """Being assigned what it has delivers nothing again to a source."""
    messages = new_messages(6)
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await take(source, 3)
        await source.assign(range(source.partitions))
        await source.assign({0})
        taken += await take(source, 3)
        expect_arrived(messages, wires(taken))
        await source.settle(taken)
        expect([], wires(await rest(harness, source)), "what is left")


async def messages_of_a_key_come_from_one_partition(harness: Harness) -> None:
    """It is the partition of the delivery; messages without a key share the first one."""
    messages = new_messages(40)
    for number, message in enumerate(messages[:30]):
        message["ordering_key"] = f"parcel {number % 10}"
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await drain(source, 40)
        pairs = zip(wires(taken), taken, strict=True)
        found = {(str(wire.get("ordering_key")), each.partition) for wire, each in pairs}
        expect(11, len(found), "the number of pairs of a key and a partition")
        expect(True, ("None", 0) in found, "whether messages without a key are in the first")
        partitions = {partition for _, partition in found}
        expect(set(), partitions - {*range(source.partitions)}, "unknown partitions")

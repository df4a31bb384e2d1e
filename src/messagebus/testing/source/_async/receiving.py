"""The rules of receiving."""

from __future__ import annotations

from functools import partial
from time import monotonic
from uuid import uuid4

from ...._compat.waits.aio import sleep, together
from ....inbox.delivery import Delivery
from ...transport.messages import SPECIAL, TRACE_CONTEXT, new_messages
from ...transport.outcome import expect, expect_arrived
from .harness import AsyncSourceHarness as Harness
from .reading import drain, next_batch, reading, rest, send, take, wires


async def what_is_sent_is_delivered_as_it_was(harness: Harness) -> None:
    """Every key of a message comes with its value, and no other key."""
    messages = new_messages(4)
    messages[1] |= {"causation_id": None, "correlation_id": str(uuid4())}
    messages[2] |= {"causation_id": str(uuid4()), "correlation_id": str(uuid4())}
    messages[2] |= {"ordering_key": "parcel 1", **TRACE_CONTEXT}
    messages[3] |= {"ordering_key": "Paket 7 ÄЖ中👩‍👩‍👧‍👦", "payload": SPECIAL}
    async with reading(harness) as source:
        await send(harness, messages)
        taken = await take(source, 4)
        expected = {each["id"]: each for each in messages}
        expect(expected, {each["id"]: each for each in wires(taken)}, "the messages")
        for each in taken:
            expect(True, isinstance(each.body, bytes) and bool(each.body), "whether it has a body")
            expect(True, bool(each.origin), "whether it says where it comes from")
            texts = [*each.headers, *each.headers.values()]
            expect({str}, {*map(type, texts), str}, "the types in the headers")
        await source.settle(taken)


async def messages_are_delivered_in_order(harness: Harness) -> None:
    """This holds for batches of any size, and whether they are settled or not."""
    messages = new_messages(60)
    async with reading(harness) as source:
        await send(harness, messages[:40])
        taken = await take(source, 30)
        await send(harness, messages[40:])
        await source.settle(taken[:10])
        taken += await take(source, 30)
        expect_arrived(messages, wires(taken))
        await source.settle(taken[10:])
        expect([], wires(await rest(harness, source)), "what is left")


async def messages_of_one_key_are_delivered_in_order(harness: Harness) -> None:
    """Whatever comes between them."""
    messages = new_messages(60)
    for number, message in enumerate(messages):
        message["ordering_key"] = f"parcel {number % 7}"
    async with reading(harness) as source:
        await send(harness, messages)
        taken = wires(await drain(source, 60))
    expect(60, len(taken), "the number of deliveries")
    for key in {message["ordering_key"] for message in messages}:
        of_key = [each for each in messages if each["ordering_key"] == key]
        expect_arrived(of_key, [each for each in taken if each["ordering_key"] == key])


async def no_more_than_the_limit_is_delivered_at_once(harness: Harness) -> None:
    """What is beyond it comes with the next calls."""
    messages = new_messages(25)
    taken: list[Delivery] = []
    async with reading(harness) as source:
        await send(harness, messages)
        for limit in (1, 7, 2, 1, 14):
            batch: list[Delivery] = []
            while len(batch) < limit:
                more = await next_batch(source, limit - len(batch))
                expect(True, 0 < len(more) <= limit - len(batch), f"whether 1 to {limit} came")
                batch += more
            await source.settle(batch)
            taken += batch
    expect_arrived(messages, wires(taken))


async def an_empty_stream_is_waited_for_as_long_as_was_asked(harness: Harness) -> None:
    """Then the source returns nothing."""
    async with reading(harness) as source:
        expect([], list(await source.receive(10, 0.0)), "what came at once")
        begin = monotonic()
        expect([], list(await source.receive(10, 0.2)), "what came later")
        expect(True, monotonic() - begin >= 0.15, "whether it waited")


async def the_first_message_ends_the_wait(harness: Harness) -> None:
    """It comes alone, though a batch was asked for."""
    messages = new_messages(1)
    taken: list[Delivery] = []

    async def receive() -> None:
        taken.extend(await source.receive(10, 30.0))

    async def send_later() -> None:
        await sleep(0.05)
        await send(harness, messages)

    async with reading(harness) as source:
        begin = monotonic()
        await together(receive, send_later)
        expect(True, monotonic() - begin < 25.0, "whether the wait ended early")
        expect_arrived(messages, wires(taken))
        await source.settle(taken)


async def what_is_unreadable_is_delivered_byte_for_byte(harness: Harness) -> None:
    """It has no wire message, and hinders no other message."""
    messages = new_messages(4)
    bodies = [b"\xff\x00{not JSON\r\n", b"\x80", b"\xc3"]
    async with reading(harness) as source:
        for message, body in zip(messages, bodies, strict=False):
            await send(harness, [message])
            await harness.send_unreadable(body)
        await send(harness, messages[3:])
        taken = await take(source, 7)
        unreadable = [each.body for each in taken if each.wire is None]
        expect(sorted(bodies), sorted(unreadable), "the unreadable bodies")
        expect_arrived(messages, [each.wire for each in taken if each.wire is not None])
        await source.settle(taken)
        expect([], await rest(harness, source), "what is left")


async def what_was_sent_before_the_first_start_is_delivered(harness: Harness) -> None:
    """A consumer that starts late reads all that is there."""
    messages = new_messages(10)
    await send(harness, messages)
    async with reading(harness) as source:
        expect_arrived(messages, wires(await drain(source, 10)))


async def several_senders_lose_nothing(harness: Harness) -> None:
    """What they send at the same time is all delivered, once."""
    series = [new_messages(20) for _ in range(4)]
    async with reading(harness) as source:
        await together(*(partial(send, harness, messages) for messages in series))
        taken = wires(await drain(source, 80))
    expect(80, len(taken), "the number of deliveries")
    for messages in series:
        ids = {message["id"] for message in messages}
        expect_arrived(messages, [each for each in taken if each["id"] in ids])

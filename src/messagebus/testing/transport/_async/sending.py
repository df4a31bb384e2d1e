"""The rules of sending while the broker is available."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...._compat.waits.aio import together
from ....exceptions import BatchSendError, MessageRejectedError, TransportUnavailableError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport
from ..messages import SPECIAL, TRACE_CONTEXT, new_messages
from ..outcome import expect, expect_arrived, expecting
from .harness import AsyncTransportHarness as Harness


async def what_is_sent_arrives_as_it_was(harness: Harness) -> None:
    """Every key of a message arrives with its value, and no other key."""
    messages = new_messages(1)
    messages[0] |= TRACE_CONTEXT
    async with harness.transport() as transport:
        await transport.send_message_serialized(messages[0])
    expect_arrived(messages, await harness.received())


async def special_characters_arrive_as_they_were(harness: Harness) -> None:
    """Control characters, scripts of all kinds, and white space at the ends are kept."""
    messages = new_messages(3)
    for message, text in zip(messages, (SPECIAL, "", f"  {SPECIAL}\r\n\t\0"), strict=True):
        message["payload"] = text
    async with harness.transport() as transport:
        await transport.send_message_serialized(messages[0])
        await transport.send_messages_serialized(messages[1:])
    expect_arrived(messages, await harness.received())


async def messages_arrive_in_the_order_in_which_they_were_sent(harness: Harness) -> None:
    """This holds one by one, in batches of any size, and for both in turns."""
    messages = new_messages(60)
    async with harness.transport() as transport:
        for start in range(0, 60, 20):
            await transport.send_messages_serialized(messages[start : start + 15])
            for message in messages[start + 15 : start + 20]:
                await transport.send_message_serialized(message)
    expect_arrived(messages, await harness.received())


async def a_large_batch_arrives_whole_and_in_order(harness: Harness) -> None:
    """The number of messages in a batch is not limited."""
    await _expect_batch_to_arrive(harness, new_messages(2_500, "x" * 200))


async def a_batch_of_large_messages_arrives_whole(harness: Harness) -> None:
    """Neither is the size of a batch."""
    await _expect_batch_to_arrive(harness, new_messages(24, "x" * 500_000))


async def an_empty_batch_sends_nothing(harness: Harness) -> None:
    """An empty batch is not an error."""
    await _expect_batch_to_arrive(harness, [])


async def _expect_batch_to_arrive(harness: Harness, messages: list[dict[str, Any]]) -> None:
    async with harness.transport() as transport:
        await transport.send_messages_serialized(messages)
    expect_arrived(messages, await harness.received())


async def senders_at_the_same_time_do_not_hinder_each_other(harness: Harness) -> None:
    """One transport serves several senders; the messages of each stay in order."""
    series = [new_messages(50) for _ in range(8)]
    async with harness.transport() as transport:
        await together(*(partial(_send, transport, messages) for messages in series))
    received = await harness.received()
    expect(sum(map(len, series)), len(received), "the number of messages")
    for messages in series:
        ids = {message["id"] for message in messages}
        expect_arrived(messages, [each for each in received if each["id"] in ids])


async def _send(
    transport: AsyncAbstractEventstreamTransport, messages: list[dict[str, Any]]
) -> None:
    await transport.send_messages_serialized(messages[:25])
    for message in messages[25:]:
        await transport.send_message_serialized(message)


async def a_message_that_is_sent_again_is_stored_once(harness: Harness) -> None:
    """The identifier decides, for messages sent alone or in a batch, by any transport."""
    messages = new_messages(5)
    first, second, third, fourth, fifth = messages
    async with harness.transport() as transport:
        await transport.send_message_serialized(first)
        await transport.send_message_serialized(first)
        await transport.send_messages_serialized([first, second, second, third])
    async with harness.transport() as successor:
        await successor.send_messages_serialized([second, third, fourth])
        await successor.send_message_serialized(third)
        await successor.send_message_serialized(fifth)
    expect_arrived(messages, await harness.received())


async def messages_that_differ_in_nothing_but_their_identifier_are_all_stored(
    harness: Harness,
) -> None:
    """Equal content does not make a duplicate."""
    messages = new_messages(3)
    for message in messages:
        message["payload"] = "{}"
    messages[1]["id"] = messages[0]["id"].upper() + "0"
    messages[2]["id"] = f"{messages[1]['id']} ä\r\n*>"
    await _expect_batch_to_arrive(harness, messages)


async def a_message_that_can_not_be_written_down_is_refused(harness: Harness) -> None:
    """The batch ends before it, the error says so, and the messages after it can be sent."""
    await _expect_refusal(harness, object())


async def a_message_that_is_too_large_is_refused(harness: Harness) -> None:
    """The batch ends before it, the error says so, and the messages after it can be sent."""
    await _expect_refusal(harness, "x" * harness.limit())


async def _expect_refusal(harness: Harness, payload: object) -> None:
    messages = new_messages(5)
    messages[3]["payload"] = payload
    async with harness.transport() as transport:
        with expecting(MessageRejectedError) as alone:
            await transport.send_message_serialized(messages[3])
        with expecting(BatchSendError) as batch:
            await transport.send_messages_serialized(messages)
        expect(3, batch.exception.sent, "what was sent before")
        cause = batch.exception.__cause__
        expect(MessageRejectedError, type(cause), "the cause")
        for error in (alone.exception, cause):
            expect(messages[3], getattr(error, "message", None), "what was refused")
        expect_arrived(messages[:3], await harness.received())
        await transport.send_messages_serialized(messages[4:])
    expect_arrived([*messages[:3], messages[4]], await harness.received())


async def a_destination_that_does_not_exist_is_reported(harness: Harness) -> None:
    """No message counts as sent, and a note of the error says what to do."""
    messages = new_messages(3)
    async with harness.misdirected() as transport:
        with expecting(TransportUnavailableError) as alone:
            await transport.send_message_serialized(messages[0])
        with expecting(BatchSendError) as batch:
            await transport.send_messages_serialized(messages)
    expect(True, bool(getattr(alone.exception, "__notes__", ())), "whether there is a note")
    expect(0, batch.exception.sent, "what was sent")
    expect(type(alone.exception), type(batch.exception.__cause__), "the cause")
    expect_arrived([], await harness.received())


async def a_transport_can_be_closed_twice_and_used_again(harness: Harness) -> None:
    """Closing ends connections; no message is lost."""
    messages = new_messages(4)
    transport = harness.transport()
    await transport.close()
    await transport.send_messages_serialized(messages[:2])
    await transport.close()
    await transport.close()
    expect_arrived(messages[:2], await harness.received())
    await transport.send_messages_serialized(messages[2:])
    await transport.close()
    expect_arrived(messages, await harness.received())

"""The rules for a store and its relay."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ...._compat.waits.aio import sleep, together
from ....domain.model import Message
from ....exceptions import MessageBusError, MessageRejectedError, TransportUnavailableError
from ....service._async.registry import AsyncMessageBus
from ...rules import rules_of
from ...transport.messages import SPECIAL
from ...transport.outcome import expect, expecting
from ..messages import Ship, Shipped
from .harness import AsyncOutboxHarness as Harness
from .recorder import AsyncRecorder

_WRITERS = 12
_TRANSACTIONS = 10
_BUS = AsyncMessageBus[Any]()


async def _ship(command: Ship, uow: Any) -> None:
    await _BUS.handle(Shipped(content=command.content), uow)


_BUS.add_listener(Ship, _ship)


async def what_was_committed_is_sent_once(harness: Harness) -> None:
    """Each message is sent in handling order, and never again."""
    events = [*await _commit(harness, *_shipped(2)), *await _commit(harness, *_shipped(1))]
    recorder = AsyncRecorder()
    expect(3, await harness.relay(recorder).drain(), "the number of messages that were sent")
    expect(0, await harness.relay(recorder).drain(), "the number of messages that are left")
    expect(_ids(events), recorder.ids, "what was sent")


async def what_was_rolled_back_is_not_sent(harness: Harness) -> None:
    """It is sent neither with earlier transactions nor with later ones."""
    uow = harness.uow()
    expected: list[Message[Any]] = []
    for number in range(6):
        event = Shipped(content=str(number))
        async with uow as transaction:
            await _BUS.handle(event, transaction)
            if number % 2:
                await transaction.rollback()
            else:
                await transaction.commit()
                expected.append(event)
    await _expect_sent(harness, expected)


async def what_failed_after_it_was_handled_is_not_sent(harness: Harness) -> None:
    """A transaction that ends with an error, or without a decision, leaves no trace."""
    uow = harness.uow()
    with expecting(LookupError):
        async with uow as transaction:
            await _BUS.handle(Shipped(), transaction)
            raise LookupError
    with expecting(MessageBusError):
        async with uow as transaction:
            await _BUS.handle(Shipped(), transaction)
    await _expect_sent(harness, [])


async def nothing_is_sent_before_the_commit(harness: Harness) -> None:
    """The messages of a running transaction are invisible to others."""
    event = Shipped()
    async with harness.uow() as transaction:
        await _BUS.handle(event, transaction)
        await _expect_sent(harness, [])
        await transaction.commit()
    await _expect_sent(harness, [event])


async def private_messages_are_not_sent(harness: Harness) -> None:
    """Only published messages are sent."""
    await _commit(harness, Ship())
    [sent] = (await _drain_all(harness)).sent
    expect("shipped_v3", sent["type"], "the type")


async def special_characters_are_sent_as_they_were(harness: Harness) -> None:
    """Control characters and scripts of all kinds are kept."""
    [event] = await _commit(harness, Shipped(content=SPECIAL))
    [sent] = (await _drain_all(harness)).sent
    read = Shipped.model_validate_json(sent["payload"])
    expect(SPECIAL, read.content, "the content")
    expect(str(event.message_id), sent["id"], "the identifier")
    expect("shipped_v3", sent["type"], "the type")
    expect(event.created_at.isoformat(), sent["created_at"], "the time")


async def the_causes_of_a_message_are_sent_with_it(harness: Harness) -> None:
    """A receiver learns which message raised it, and which one began the cascade."""
    [command] = await _commit(harness, Ship())
    [sent] = (await _drain_all(harness)).sent
    expect(str(command.message_id), sent["causation_id"], "the causation id")
    expect(str(command.message_id), sent["correlation_id"], "the correlation id")


async def a_large_transaction_is_sent_whole_and_in_order(harness: Harness) -> None:
    """A transaction may have any number of messages."""
    await _expect_sent(harness, await _commit(harness, *_shipped(2_500)))


async def a_message_is_stored_once(harness: Harness) -> None:
    """A second transaction with the same message fails, and none of its messages is sent."""
    [event] = await _commit(harness, Shipped())
    with expecting(MessageBusError):
        await _commit(harness, Shipped(), event)
    await _expect_sent(harness, [event])


async def a_backlog_goes_out_in_order_after_an_outage(harness: Harness) -> None:
    """While the broker is away, transactions succeed and no message is given up."""
    recorder = AsyncRecorder()
    recorder.down = True
    events: list[Message[Any]] = []
    for _ in range(12):
        events += await _commit(harness, *_shipped(2))
        with expecting(ConnectionError):
            await harness.relay(recorder).drain()
    recorder.down = False
    recorder.fail(TransportUnavailableError(), after=5)
    with expecting(ConnectionError):
        await harness.relay(recorder).drain()
    await harness.relay(recorder).drain()
    expect(_ids(events), recorder.ids, "what was sent")


async def what_broke_off_is_sent_again_with_the_same_identity(harness: Harness) -> None:
    """A relay that ends in the middle of a batch loses no message and adds none."""
    events = await _commit(harness, *_shipped(20))
    recorder = AsyncRecorder()
    recorder.poison[str(events[7].message_id)] = _Ended()
    with expecting(_Ended):
        await harness.relay(recorder).drain()
    recorder.poison.clear()
    await harness.relay(recorder).drain()
    expect(_ids(events), list(dict.fromkeys(recorder.ids)), "what was sent, each for once")


async def a_message_that_is_rejected_holds_up_no_other(harness: Harness) -> None:
    """It is parked, and the others are sent in order."""
    events = await _commit(harness, *_shipped(7))
    recorder = AsyncRecorder()
    rejected = str(events[3].message_id)
    recorder.poison[rejected] = MessageRejectedError({"id": rejected}, "too large")
    await harness.relay(recorder).drain()
    expect([id for id in _ids(events) if id != rejected], recorder.ids, "what was sent")


async def two_relays_send_nothing_twice(harness: Harness) -> None:
    """With any number of relays, each message is sent once, in order."""
    events = await _commit(harness, *_shipped(300))
    recorder = AsyncRecorder()
    await together(*(partial(_drain, harness, recorder) for _ in range(2)))
    expect(_ids(events), recorder.ids, "what was sent")


async def writers_that_commit_in_any_order_lose_nothing(harness: Harness) -> None:
    """Twelve writers commit, and sometimes roll back, while two relays send."""
    recorder = AsyncRecorder()
    committed: list[list[str]] = [[] for _ in range(_WRITERS)]
    writers = [partial(_write, harness, writer, ids) for writer, ids in enumerate(committed)]
    relays = [partial(_drain, harness, recorder, 20) for _ in range(2)]
    await together(*writers, *relays)
    await harness.relay(recorder).drain()
    expected = sorted(id for ids in committed for id in ids)
    expect(expected, sorted(recorder.ids), "what was sent, in no order")
    for ids in committed:
        mine = set(ids)
        expect(ids, [id for id in recorder.ids if id in mine], "what one writer has sent")


class _Ended(BaseException):
    """Stands for the end of a process."""


def _shipped(count: int) -> list[Shipped]:
    return [Shipped(content=str(number)) for number in range(count)]


async def _commit(harness: Harness, *messages: Message[Any]) -> Sequence[Message[Any]]:
    async with harness.uow() as transaction:
        for message in messages:
            await _BUS.handle(message, transaction)
        await transaction.commit()
    return messages


async def _expect_sent(harness: Harness, events: Sequence[Message[Any]]) -> None:
    expect(_ids(events), (await _drain_all(harness)).ids, "what was sent")


async def _drain_all(harness: Harness) -> AsyncRecorder:
    recorder = AsyncRecorder()
    await harness.relay(recorder).drain()
    return recorder


async def _drain(harness: Harness, recorder: AsyncRecorder, times: int = 1) -> None:
    for _ in range(times):
        await harness.relay(recorder).drain()
        await sleep(0.005)


async def _write(harness: Harness, writer: int, ids: list[str]) -> None:
    chance = random.Random(writer)
    uow = harness.uow()
    for _ in range(_TRANSACTIONS):
        events = _shipped(2)
        async with uow as transaction:
            for event in events:
                await _BUS.handle(event, transaction)
            await sleep(chance.random() * 0.01)
            if chance.random() < 0.1:
                await transaction.rollback()
            else:
                await transaction.commit()
                ids += _ids(events)


def _ids(messages: Sequence[Message[Any]]) -> list[str]:
    return [str(message.message_id) for message in messages]


ASYNC_OUTBOX_RULES: list[Callable[[Harness], Any]] = rules_of(__name__)
"""The rules. Call each with a harness whose store is empty; it raises an AssertionError if the
store or its relay breaks the rule."""

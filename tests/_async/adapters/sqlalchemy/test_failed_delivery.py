"""The fate of messages that cannot be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, Backoff, tables
from messagebus.adapters.sqlalchemy.clock import now
from messagebus.exceptions import (
    BatchSendError,
    MessageRejectedError,
    TransportUnavailableError,
    UndeliverableMessageError,
)
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish, stored
from tests.running.aio import AsyncEngine, background, eventually

QUICK = Backoff(first=0.001, longest=0.01)


async def test_a_message_that_cannot_be_sent_is_parked_and_the_stream_goes_on(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """After the last attempt it is parked with the reason, and the others are sent in order."""
    events = await publish(engine, *map(str, range(6)))
    poison = events[2].message_id
    transport.poison[str(poison)] = RuntimeError("no such thing")
    relay = AsyncOutboxRelay(engine, transport, max_attempts=3, backoff=QUICK)

    assert 5 == await relay.drain()

    expected = [str(event.message_id) for event in events if event.message_id != poison]
    assert expected == transport.ids
    assert 3 == transport.tried.count(str(poison))
    parked = await relay.outbox.list("parked")
    assert [(poison, 3, "RuntimeError: no such thing")] == [
        (record.message_id, record.attempts, record.reason) for record in parked
    ]
    assert parked[0].parked_at is not None


async def test_a_message_that_is_rejected_is_tried_once(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A message that the broker rejects for good is parked at once."""
    events = await publish(engine, "1", "2", "3")
    poison = events[0].message_id
    transport.poison[str(poison)] = MessageRejectedError({"id": str(poison)}, "too large")
    relay = AsyncOutboxRelay(engine, transport, backoff=QUICK)

    assert 2 == await relay.drain()
    assert 1 == transport.tried.count(str(poison))
    [parked] = await relay.outbox.list()
    assert poison == parked.message_id
    assert parked.reason is not None
    assert parked.reason.endswith("was refused: too large")


async def test_the_messages_beside_one_that_fails_are_not_blamed(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """The messages before and after it are sent with one attempt."""
    events = await publish(engine, *map(str, range(5)))
    transport.poison[str(events[2].message_id)] = RuntimeError("no")
    await AsyncOutboxRelay(engine, transport, max_attempts=4, backoff=QUICK).drain()

    assert [1, 1, 4, 1, 1] == [record.attempts for record in await stored(engine)]


async def test_the_order_is_kept_when_a_message_is_sent_after_it_failed(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """While a message is retried, the messages after it wait."""
    events = await publish(engine, *map(str, range(5)))
    transport.fail(RuntimeError("not yet"), after=2, times=3)
    await AsyncOutboxRelay(engine, transport, backoff=QUICK).drain()

    assert [str(event.message_id) for event in events] == transport.ids
    assert [1, 1, 4, 1, 1] == [record.attempts for record in await stored(engine)]


async def test_a_stream_may_stop_at_a_message_that_cannot_be_sent(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Where order matters more than progress, nothing passes until someone decides."""
    events = await publish(engine, "1", "2", "3")
    poison = events[1].message_id
    transport.poison[str(poison)] = RuntimeError("no")
    relay = AsyncOutboxRelay(engine, transport, max_attempts=2, backoff=QUICK, on_poison="stop")
    with pytest.raises(UndeliverableMessageError) as caught:
        await relay.run()

    assert (poison, 2, "RuntimeError: no") == (
        caught.value.message_id,
        caught.value.attempts,
        caught.value.reason,
    )
    assert [str(events[0].message_id)] == transport.ids
    with pytest.raises(UndeliverableMessageError):
        await relay.drain()
    assert 2 == transport.tried.count(str(poison))

    assert 1 == await relay.outbox.discard([poison])
    assert 1 == await relay.drain()
    assert ["sent", "discarded", "sent"] == [record.state for record in await stored(engine)]


async def test_a_stream_that_stopped_goes_on_after_a_replay(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Once the cause is fixed, the message is tried as if for the first time."""
    events = await publish(engine, "1", "2")
    transport.poison[str(events[0].message_id)] = MessageRejectedError({}, "too large")
    relay = AsyncOutboxRelay(engine, transport, on_poison="stop", backoff=QUICK)
    with pytest.raises(UndeliverableMessageError, match="too large"):
        await relay.drain()

    transport.poison.clear()
    assert 1 == await relay.outbox.replay([events[0].message_id])
    assert 2 == await relay.drain()
    assert [str(event.message_id) for event in events] == transport.ids


@pytest.mark.parametrize(
    "error", [TransportUnavailableError("away"), ConnectionResetError("reset"), TimeoutError()]
)
async def test_an_outage_counts_as_no_attempt_and_parks_nothing(
    engine: AsyncEngine, transport: AsyncRecorder, error: Exception
) -> None:
    """However long the broker is away, the backlog waits, and goes out in order afterwards."""
    events = await publish(engine, *map(str, range(7)))
    transport.fail(error, after=3, times=20)
    relay = AsyncOutboxRelay(engine, transport, max_attempts=1, batch_size=4, reconnect=QUICK)

    async def is_sent() -> bool:
        return (await relay.outbox.backlog(count_sent=True)).sent == 7

    async with background(relay.run, relay.stop):
        await eventually(is_sent)

    assert [str(event.message_id) for event in events] == transport.ids
    assert [("sent", 1)] * 7 == [(each.state, each.attempts) for each in await stored(engine)]


@pytest.mark.slow
async def test_an_attempt_is_counted_before_it_is_made(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A message that ends the process is parked in the end, although no failure is ever seen."""
    events = await publish(engine, *map(str, range(5)))
    transport.poison[str(events[2].message_id)] = Killed()
    ends = 0
    for _ in range(10):
        relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01, max_attempts=3)
        relay._lease.release = no_farewell  # type: ignore[method-assign]
        try:
            await relay.drain()
        except Killed:
            ends += 1
        else:
            break

    assert 3 == ends
    assert ["sent", "sent", "parked", "sent", "sent"] == [
        record.state for record in await stored(engine)
    ]
    [parked] = await relay.outbox.list()
    assert 3 == parked.attempts
    assert parked.reason is not None
    assert "ended while it was sending" in parked.reason
    assert [str(event.message_id) for event in events if event is not events[2]] == list(
        dict.fromkeys(transport.ids)
    )


class Killed(BaseException):
    """Stands for a signal that cannot be caught."""


async def no_farewell() -> None:
    """Do nothing, like a killed process."""


async def test_a_transport_that_does_not_know_what_it_has_sent_is_believed(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A batch that fails after its last message was sent completely."""
    await publish(engine, "1", "2")
    transport = AsyncUnsure()
    assert 2 == await AsyncOutboxRelay(engine, transport, max_attempts=1, backoff=QUICK).drain()

    assert ["sent", "sent"] == [record.state for record in await stored(engine)]


class AsyncUnsure(AsyncRecorder):
    """Sends a first batch, and fails with everything sent."""

    failing = True

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send all, then fail once."""
        await super().send_messages_serialized(messages)
        if self.failing:
            self.failing = False
            raise BatchSendError(len(messages))


async def test_a_failure_waits_for_its_next_attempt_over_a_restart(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """When a message may be tried again is known to the database, not to the process alone."""
    await publish(engine, "1")
    transport.fail(RuntimeError("no"))
    relay = AsyncOutboxRelay(engine, transport, backoff=Backoff(first=3600, longest=3600))
    begun = datetime.now(UTC)

    async def has_failed() -> bool:
        [record] = await stored(engine)
        return record.attempts == 1

    async with background(relay.run, relay.stop):
        await eventually(has_failed)
    [record] = await stored(engine)
    assert record.next_attempt_at is not None
    assert (record.next_attempt_at - begun).total_seconds() >= 3599

    other = AsyncOutboxRelay(engine, transport, poll_interval=0.01)

    async def leads() -> bool:
        return (await other.status()).leading

    async with background(other.run, other.stop):
        await eventually(leads)
    assert [] == transport.sent


async def test_a_message_that_was_parked_can_be_replayed(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A replayed message is sent with its identity."""
    events = await publish(engine, "1", "2", "3")
    transport.poison[str(events[1].message_id)] = RuntimeError("no")
    relay = AsyncOutboxRelay(engine, transport, max_attempts=1)
    await relay.drain()
    transport.poison.clear()

    assert 1 == await relay.outbox.replay()
    assert 1 == await relay.drain()
    assert [str(events[index].message_id) for index in (0, 2, 1)] == transport.ids
    assert [] == await relay.outbox.list("parked")


async def test_a_message_that_was_tried_before_is_sent_alone(
    engine: AsyncEngine,
) -> None:
    """If it ends the process, nothing beside it has an attempt counted."""
    await publish(engine, *"12345")
    async with engine.begin() as connection:
        third = tables.messages.c.position == 3
        await connection.execute(sa.update(tables.messages).where(third).values(attempts=1))
    transport = AsyncCounting()
    await AsyncOutboxRelay(engine, transport).drain()

    assert [2, 1, 2] == transport.sizes


class AsyncCounting(AsyncRecorder):
    """Notes how large the batches are."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Note the size, and send."""
        self.sizes.append(len(messages))
        await super().send_messages_serialized(messages)


@pytest.mark.parametrize("max_attempts", [2, 5])
async def test_a_message_that_is_discarded_while_it_is_tried_stays_discarded(
    engine: AsyncEngine, max_attempts: int
) -> None:
    """An attempt that fails later does not undo the decision."""

    class AsyncDiscarding(AsyncRecorder):
        """Fails; someone discards the message in the middle of its second attempt."""

        async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
            self.tried.append(message["id"])
            if len(self.tried) == 2:
                assert 1 == await relay.outbox.discard([UUID(message["id"])])
            raise RuntimeError("no")

    [event] = await publish(engine, "1")
    relay = AsyncOutboxRelay(engine, AsyncDiscarding(), max_attempts=max_attempts, backoff=QUICK)
    assert 0 == await relay.drain()

    [record] = await stored(engine)
    assert (event.message_id, "discarded", None) == (
        record.message_id,
        record.state,
        record.next_attempt_at,
    )


async def test_many_messages_without_attempts_are_parked_a_batch_at_a_time(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Each batch renews the lease, so that no other relay has to begin again in the middle."""
    events = await publish(engine, *map(str, range(28)))
    async with engine.begin() as connection:
        tried = tables.messages.c.position <= 25
        await connection.execute(sa.update(tables.messages).where(tried).values(attempts=8))
    relay = AsyncOutboxRelay(engine, transport, batch_size=10)
    advance, sizes = relay._batches.advance, []

    async def counting() -> Any:
        batch = await advance()
        sizes.append(len(batch.parked))
        return batch

    relay._batches.advance = counting  # type: ignore[method-assign]

    assert 3 == await relay.drain()
    assert [str(event.message_id) for event in events[25:]] == transport.ids
    assert [10, 10, 5, 0] == sizes
    assert 25 == (await relay.outbox.backlog()).parked


async def test_a_clock_that_is_set_back_does_not_stop_a_retry(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A message waits no longer than the longest backoff, whatever the clock says."""
    await publish(engine, "1", "2")
    later = now(engine.dialect, timedelta(hours=1))
    first = tables.messages.c.position == 1
    async with engine.begin() as connection:
        await connection.execute(
            sa.update(tables.messages).where(first).values(attempts=1, next_attempt_at=later)
        )

    assert 2 == await AsyncOutboxRelay(engine, transport, backoff=QUICK).drain()

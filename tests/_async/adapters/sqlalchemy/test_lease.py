"""One relay leads; when it freezes, another one takes over and fences it off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from messagebus.adapters.sqlalchemy import (
    AsyncOutboxRelay,
    Backoff,
    async_create_tables,
    tables,
)
from messagebus.adapters.sqlalchemy._async import standby
from messagebus.adapters.sqlalchemy.clock import now
from messagebus.adapters.sqlalchemy.delivery import Batch, LeaseLostError
from messagebus.exceptions import BacklogStalledError, MessageRejectedError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish, stored
from tests.running.aio import AsyncEngine, background, eventually, new_engine

BRIEF = 0.5  # seconds


async def expire(engine: AsyncEngine, after: float = 0.0) -> None:
    """Let the lease end in some seconds.

    A relay with a lease that is as short would also have to end each transaction in that time,
    which a busy machine does not allow.
    """
    end = now(engine.dialect, timedelta(seconds=after))
    async with engine.begin() as connection:
        await connection.execute(sa.update(tables.lease).values(expires_at=end))


class AsyncFreezing(AsyncRecorder):
    """Freezes in its first message, until the lease has ended and another relay has sent all."""

    def __init__(self, sent: list[dict[str, Any]], other: AsyncOutboxRelay) -> None:
        super().__init__()
        self.sent = sent
        self.other: AsyncOutboxRelay | None = other

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Freeze, then go on as if nothing had happened."""
        other, self.other = self.other, None
        if other is not None:
            await expire(other.engine)
            await other.drain()
        await super().send_message_serialized(message)


class AsyncSlowRelay(AsyncOutboxRelay):
    """Freezes between claiming its first batch and sending it, for longer than its lease."""

    other: AsyncOutboxRelay | None = None

    async def _forward(self, batch: Batch, *, patient: bool) -> None:
        other, self.other = self.other, None
        if other is not None:
            self._lease._renewed -= self.lease
            await expire(other.engine)
            await other.drain()
        await super()._forward(batch, patient=patient)


def quick(engine: AsyncEngine, transport: AsyncRecorder) -> AsyncOutboxRelay:
    """Return a relay that is quick to take over."""
    return AsyncOutboxRelay(engine, transport, poll_interval=0.01)


async def test_a_relay_that_stops_lets_another_one_lead_at_once(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A relay that stops in order releases its lease, however long it would last."""
    await publish(engine, "1")
    assert 1 == await AsyncOutboxRelay(engine, transport, lease=3600).drain()
    await publish(engine, "2")

    assert 1 == await AsyncOutboxRelay(engine, transport, lease=3600).drain()


async def test_only_one_relay_leads_and_the_others_send_nothing(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """As long as the leader answers, no other relay sends."""
    idle = AsyncRecorder()
    leader = AsyncOutboxRelay(engine, transport, poll_interval=0.01)
    standby = AsyncOutboxRelay(engine, idle, poll_interval=0.01)

    async def leads() -> bool:
        return (await leader.status()).leading

    async def stands_by() -> bool:
        return (await standby.status()).running

    async def arrived() -> bool:
        return len(transport.sent) == 5

    async with background(leader.run, leader.stop):
        await eventually(leads)
        async with background(standby.run, standby.stop):
            await eventually(stands_by)
            for number in range(5):
                await publish(engine, str(number))
            await eventually(arrived)
            assert not (await standby.status()).leading

    assert [] == idle.sent


async def test_a_standby_takes_over_when_the_leader_leaves(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """The next relay continues the stream; tokens grow."""
    first = AsyncOutboxRelay(engine, transport, poll_interval=0.01)
    second = AsyncOutboxRelay(engine, transport, poll_interval=0.01)
    tokens: list[int] = []

    async def leads(relay: AsyncOutboxRelay) -> bool:
        status = await relay.status()
        if status.leading and status.leader is not None:
            tokens.append(status.leader.token)
        return status.leading

    async with background(second.run, second.stop):
        async with background(first.run, first.stop):

            async def somebody() -> bool:
                return await leads(first) or await leads(second)

            await eventually(somebody)

        async def the_second() -> bool:
            return await leads(second)

        await eventually(the_second)
        await publish(engine, "1")

        async def arrived() -> bool:
            return len(transport.sent) == 1

        await eventually(arrived)
    assert sorted(tokens) == tokens


async def leads(relay: AsyncOutboxRelay) -> bool:
    """Tell whether a relay leads."""
    return (await relay.status()).leading


async def test_a_relay_that_finds_nothing_keeps_its_prepared_statements(
    postgres_url_with_tables: str, transport: AsyncRecorder
) -> None:
    """PostgreSQL plans the statements that it repeats once, and not for each message anew."""
    engine = new_engine(postgres_url_with_tables)
    relay = AsyncOutboxRelay(engine, transport)
    for _ in range(10):  # psycopg prepares what is executed more than five times
        assert not await relay._batches.is_pending()

    prepared = sa.text("SELECT statement FROM pg_prepared_statements")
    async with engine.connect() as connection:
        found = (await connection.scalars(prepared)).all()
    assert any("'pending'" in each for each in found)
    await engine.dispose()


async def test_draining_waits_while_another_relay_gets_on(
    engine: AsyncEngine, transport: AsyncRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is progress: that the first pending message changes."""
    await publish(engine, *map(str, range(10)))
    leader = AsyncOutboxRelay(engine, transport, batch_size=1)
    drainer = AsyncOutboxRelay(engine, AsyncRecorder(), poll_interval=0.01)
    look = drainer.outbox.list
    assert await leader._lease.acquire()

    async def send_one_at_each_look(*arguments: Any, **options: Any) -> Any:
        found = await look(*arguments, **options)
        await leader._batches.send(await leader._batches.advance(), transport)
        return found

    monkeypatch.setattr(drainer.outbox, "list", send_one_at_each_look)
    monkeypatch.setattr(standby, "monotonic", count(step=drainer.lease).__next__)
    assert 0 == await drainer.drain()
    assert 10 == len(transport.sent)
    await leader._lease.release()
    await leader._lease.sign_of_life.close()


async def test_draining_ends_when_another_relay_leads_and_sends_nothing(
    engine: AsyncEngine, transport: AsyncRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It neither waits for ever nor sends in place of the leader, which the error names."""
    transport.down = True
    reconnect = Backoff(longest=0.1)
    leader = AsyncOutboxRelay(engine, transport, poll_interval=0.01, reconnect=reconnect)
    drainer = AsyncOutboxRelay(engine, AsyncRecorder(), poll_interval=0.01)
    async with background(leader.run, leader.stop):
        await eventually(lambda: leads(leader))
        await publish(engine, "1", "2")
        monkeypatch.setattr(standby, "monotonic", count(step=drainer.lease).__next__)
        with pytest.raises(BacklogStalledError) as caught:
            await drainer.drain()
        monkeypatch.setattr(standby, "monotonic", lambda: 0.0)
        transport.down = False

        assert 0 == await drainer.drain()
    assert (leader.holder, 1) == (caught.value.holder, caught.value.position)
    assert caught.value.seconds > 2 * drainer.lease
    assert leader.holder in str(caught.value)
    assert 2 == len(transport.sent)


@pytest.mark.slow
async def test_draining_takes_over_from_a_leader_that_is_gone(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A relay that drains takes a lease that ends, however rarely it polls."""
    await publish(engine, "1")
    gone = AsyncOutboxRelay(engine, transport)
    assert await gone._lease.acquire()
    await expire(engine, after=BRIEF)

    assert 1 == await AsyncOutboxRelay(engine, transport, poll_interval=3600).drain()
    await gone._lease.sign_of_life.close()


@pytest.mark.slow
async def test_a_leader_that_was_frozen_can_mark_nothing_any_more(engine: AsyncEngine) -> None:
    """A relay that wakes up after its lease was taken repeats one batch at most."""
    events = await publish(engine, *map(str, range(4)))
    sent: list[dict[str, Any]] = []
    frozen = AsyncFreezing(sent, quick(engine, AsyncRecorder()))
    assert frozen.other is not None
    frozen.other.transport.sent = sent  # type: ignore[attr-defined]

    assert 4 == await quick(engine, frozen).drain()

    expected = [str(event.message_id) for event in events]
    assert expected * 2 == frozen.ids
    # One attempt that nobody knows the outcome of, one of the relay that took over. The frozen
    # one could not count its own.
    assert [("sent", 2)] * 4 == [(each.state, each.attempts) for each in await stored(engine)]


@pytest.mark.slow
async def test_a_leader_that_was_frozen_can_park_nothing_any_more(engine: AsyncEngine) -> None:
    """A late failure does not park a message that another relay has sent since."""
    [event] = await publish(engine, "1")
    frozen = AsyncFreezing([], quick(engine, AsyncRecorder()))
    frozen.poison[str(event.message_id)] = MessageRejectedError({}, "too large")
    await quick(engine, frozen).drain()

    assert ["sent"] == [record.state for record in await stored(engine)]


@pytest.mark.slow
async def test_a_leader_that_was_frozen_before_it_sent_sends_nothing(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A relay checks its lease before it sends, so it does not send the batch again."""
    events = await publish(engine, *map(str, range(4)))
    frozen = AsyncSlowRelay(engine, transport, poll_interval=0.01)
    frozen.other = quick(engine, transport)

    assert 0 == await frozen.drain()
    assert [str(event.message_id) for event in events] == transport.ids


async def test_a_relay_claims_nothing_without_its_lease(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A batch is claimed and noted under the token of the lease, or not at all."""
    await publish(engine, "1", "2")
    relay = AsyncOutboxRelay(engine, transport)
    assert await relay._lease.acquire()
    lease = tables.lease.c

    async def noted() -> tuple[Any, ...]:
        async with engine.connect() as connection:
            found = await connection.execute(sa.select(lease.sending_from, lease.sending_to))
            return tuple(found.one())

    async with engine.begin() as connection:
        await connection.execute(sa.update(tables.lease).values(token=lease.token + 1))
    with pytest.raises(LeaseLostError):
        await relay._batches.advance()
    assert (None, None) == await noted()

    async with engine.begin() as connection:
        await connection.execute(sa.update(tables.lease).values(expires_at=now(engine.dialect)))
    assert await relay._lease.acquire()
    batch = await relay._batches.advance()
    positions = [row.position for row in batch.rows]
    assert 2 == len(positions)
    assert (positions[0], positions[-1]) == await noted()
    await relay._lease.release()
    await relay._lease.sign_of_life.close()


async def test_a_token_that_is_not_the_last_one_writes_nothing(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Anything written under an old token is rolled back; the relay acquires the lease again."""
    await publish(engine, "1", "2")
    relay = AsyncOutboxRelay(engine, transport, batch_size=1, poll_interval=0.01)
    usurped: list[str] = []

    async def usurp() -> None:
        async with engine.begin() as connection:
            token = tables.lease.c.token
            await connection.execute(sa.update(tables.lease).values(token=token + 1))

    class AsyncUsurped(AsyncRecorder):
        async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
            await super().send_message_serialized(message)
            if not usurped:
                usurped.append(message["id"])
                await usurp()
                async with engine.begin() as connection:
                    past = (await stored(engine))[0].created_at
                    await connection.execute(sa.update(tables.lease).values(expires_at=past))

    relay.transport = sender = AsyncUsurped()
    await relay.drain()

    assert [usurped[0], usurped[0]] == sender.ids[:2]
    assert [2, 1] == [record.attempts for record in await stored(engine)]


@pytest.mark.slow
async def test_the_lease_is_kept_while_there_is_nothing_to_do(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A relay that is idle, or waits for its broker, keeps leading."""
    relay = AsyncOutboxRelay(engine, transport, lease=0.6, poll_interval=0.01)
    renewals: set[object] = set()

    async def renewed() -> bool:
        leader = (await relay.status()).leader
        if leader is not None:
            renewals.add(leader.expires_at)
            assert 1 == leader.token
        return len(renewals) >= 5

    async with background(relay.run, relay.stop):
        await eventually(renewed)
        renewals.clear()
        transport.down = True
        await publish(engine, "1")
        await eventually(renewed)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 10])
async def test_a_new_leader_goes_on_where_the_last_one_was_killed(
    engine: AsyncEngine, transport: AsyncRecorder, batch_size: int
) -> None:
    """Only the batch in flight is sent again, with the same identities."""

    class Killed(BaseException):
        """Stands for a signal that cannot be caught."""

    async def no_farewell() -> None:
        """Do nothing, like a killed process."""

    events = await publish(engine, *map(str, range(20)))
    expected = [str(event.message_id) for event in events]
    killed = AsyncOutboxRelay(engine, transport, batch_size=batch_size)
    killed._lease.release = no_farewell  # type: ignore[method-assign]
    transport.poison[expected[12]] = Killed()
    with pytest.raises(Killed):
        await killed.drain()
    transport.poison.clear()
    before = len(transport.sent)
    await expire(engine)
    await quick(engine, transport).drain()

    assert 12 == before
    assert expected == list(dict.fromkeys(transport.ids))
    assert len(transport.ids) - len(expected) < batch_size


async def test_a_relay_that_is_frozen_in_a_transaction_holds_up_nobody(
    postgres_url: str, transport: AsyncRecorder
) -> None:
    """PostgreSQL ends the transaction, and with it the locks that the next leader needs."""
    engine = new_engine(postgres_url)
    await async_create_tables(engine)
    events = await publish(engine, "1", "2")
    frozen = AsyncOutboxRelay(engine, transport)
    assert await frozen._lease.acquire()
    await expire(engine)
    brief = AsyncOutboxRelay(engine, transport, lease=BRIEF)  # too brief to acquire it in time
    connection = await engine.connect()
    await connection.execute(brief._lease.hold(), {"held": frozen._lease._token})
    # The connection stays as it is, in the middle of its transaction.

    assert 2 == await quick(engine, transport).drain()
    assert [str(event.message_id) for event in events] == transport.ids
    with pytest.raises(DBAPIError):
        await connection.commit()
        await connection.execute(sa.text("SELECT 1"))
    await connection.close()
    await frozen._lease.sign_of_life.close()
    await engine.dispose()


async def test_a_relay_whose_lock_is_lost_is_followed_at_once(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """The lock ends with the process, and the lease of a leader that is dead is not waited for."""
    await publish(engine, "1")
    dead = AsyncOutboxRelay(engine, transport, lease=3600)
    assert await dead._lease.acquire()
    standby = AsyncOutboxRelay(engine, transport, lease=3600)
    assert not await standby._lease.acquire()
    await dead._lease.sign_of_life.close()

    assert 1 == await standby.drain()
    with pytest.raises(LeaseLostError):
        await dead._lease.release()


async def test_a_lease_that_waited_for_the_database_has_its_full_time(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """On SQLite, a transaction may wait for the write lock for longer than the lease lasts."""
    relay = AsyncOutboxRelay(engine, transport, lease=3600)
    assert await relay._lease.acquire()
    async with relay._lease.transaction(relay._lease.hold()):
        begun = monotonic()
    assert relay._lease._renewed >= begun
    await relay._lease.release()
    await relay._lease.sign_of_life.close()


@pytest.mark.slow
async def test_a_clock_that_is_set_back_keeps_no_dead_leader_in_office(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A lease that is not renewed for its time is over, by the clock of the one who waits."""
    await publish(engine, "1")
    frozen = AsyncOutboxRelay(engine, transport)
    assert await frozen._lease.acquire()
    await expire(engine, after=3600)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    standby = AsyncOutboxRelay(engine, transport, lease=BRIEF)
    async with background(standby.run, standby.stop):
        await eventually(arrived)
    await frozen._lease.sign_of_life.close()

"""The relay: committed messages are sent in order, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from messagebus import AsyncMessageBus, ConfigurationError
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, Backoff, async_create_tables
from messagebus.adapters.sqlalchemy._relay_state import State
from messagebus.exceptions import MissingTableError, TransportUnavailableError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored, take_positions
from tests.library import BookBorrowed, RegisterBook
from tests.running.aio import (
    AsyncEngine,
    background,
    eventually,
    new_engine,
    sqlite_url,
    together,
)

NEVER = 3600.0  # seconds


async def test_what_was_committed_is_sent_once(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Published messages of committed transactions are sent, and then never again."""
    events = await publish(engine, "1", "2", "3")
    relay = AsyncOutboxRelay(engine, transport)

    assert (3, 0) == (await relay.drain(), await relay.drain())
    assert [str(event.message_id) for event in events] == transport.ids
    assert ["sent"] * 3 == [record.state for record in await stored(engine)]


async def test_nothing_of_a_rolled_back_transaction_is_sent(
    engine: AsyncEngine,
    bus: AsyncMessageBus[Any],
    uow: AsyncShelves,
    transport: AsyncRecorder,
) -> None:
    """A transaction that is undone has neither rows nor messages."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.rollback()

    assert 0 == await AsyncOutboxRelay(engine, transport).drain()
    assert [] == transport.sent


async def test_nothing_is_sent_before_the_commit(
    engine: AsyncEngine,
    bus: AsyncMessageBus[Any],
    uow: AsyncShelves,
    transport: AsyncRecorder,
) -> None:
    """What a running transaction has handled is of no concern to others yet."""
    event = BookBorrowed()
    looker = new_engine(engine.url.render_as_string(hide_password=False))
    async with uow as transaction:
        await bus.handle(event, transaction)
        assert [] == await stored(looker)
        await transaction.commit()
        assert [] == transport.sent
    await looker.dispose()

    assert 1 == await AsyncOutboxRelay(engine, transport).drain()
    assert [str(event.message_id)] == transport.ids


async def test_private_messages_are_not_sent(
    engine: AsyncEngine,
    bus: AsyncMessageBus[Any],
    uow: AsyncShelves,
    transport: AsyncRecorder,
) -> None:
    """Of a command and two events, only the published event leaves."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1"), transaction)
        await transaction.commit()
    await AsyncOutboxRelay(engine, transport).drain()

    assert ["book_registered_v1"] == [message["type"] for message in transport.sent]


async def test_a_message_is_sent_with_its_identity_its_causes_and_its_content(
    engine: AsyncEngine,
    bus: AsyncMessageBus[Any],
    uow: AsyncShelves,
    transport: AsyncRecorder,
) -> None:
    """Receivers get everything to recognize, trace and read a message."""
    command = RegisterBook(id="ü 🐍")
    async with uow as transaction:
        await bus.handle(command, transaction)
        registered = uow.eventstore.rows[1]
        await transaction.commit()
    await AsyncOutboxRelay(engine, transport).drain()

    expected = {
        "id": str(registered["message_id"]),
        "created_at": registered["created_at"].isoformat(),
        "type": "book_registered_v1",
        "payload": '{"id":"ü 🐍"}',
        "causation_id": str(command.message_id),
        "correlation_id": str(command.message_id),
    }
    assert [expected] == transport.sent


async def test_a_backlog_of_many_batches_is_sent_in_order(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Batches may end anywhere, and lose nothing."""
    events = [*await publish(engine, *map(str, range(25))), *await publish(engine, "25", "26")]

    assert 27 == await AsyncOutboxRelay(engine, transport, batch_size=5).drain()
    assert [str(event.message_id) for event in events] == transport.ids


@pytest.fixture
async def relay(engine: AsyncEngine, transport: AsyncRecorder) -> AsyncIterator[AsyncOutboxRelay]:
    """Yield a relay that runs, and looks for something to send every few milliseconds."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01)
    async with background(relay.run, relay.stop):
        yield relay


async def test_a_relay_that_runs_sends_what_comes(
    engine: AsyncEngine, transport: AsyncRecorder, relay: AsyncOutboxRelay
) -> None:
    """Polling finds every commit, from any process."""
    for number in range(5):
        await publish(engine, str(number))

        async def arrived(expected: int = number + 1) -> bool:
            return len(transport.sent) == expected

        await eventually(arrived)


async def test_a_relay_in_the_same_process_is_woken_without_polling(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], transport: AsyncRecorder
) -> None:
    """With a poller that sleeps for ever, the unit of work wakes the relay."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=NEVER, lease=NEVER)
    relay._notifications.polls = Backoff(first=NEVER, longest=NEVER)
    uow = AsyncShelves(engine, on_published=relay.wake)

    async def leads() -> bool:
        return (await relay.status()).leading

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(leads)
        async with uow as transaction:
            await bus.handle(BookBorrowed(), transaction)
            await transaction.commit()
        await eventually(arrived)


async def test_a_relay_sends_what_it_holds_and_leaves(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Told to stop in the middle of a batch, it finishes that batch and starts no other."""
    events = await publish(engine, *map(str, range(10)))
    relay = AsyncOutboxRelay(engine, transport, batch_size=4)
    transport.before = lambda _message: relay.stop()

    await relay.run()

    assert [str(event.message_id) for event in events[:4]] == transport.ids
    assert ["sent"] * 4 + ["pending"] * 6 == [record.state for record in await stored(engine)]
    leader = (await relay.status()).leader
    assert leader is not None
    assert leader.expired


async def test_a_relay_can_be_stopped_twice_and_started_again(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Stopping is idempotent; a relay that was stopped before it ran returns at once."""
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01)
    relay.stop()
    relay.stop()
    await relay.run()
    await publish(engine, "1")

    assert 1 == await relay.drain()
    async with background(relay.run, relay.stop):
        await publish(engine, "2")

        async def arrived() -> bool:
            return len(transport.sent) == 2

        await eventually(arrived)


async def test_a_relay_does_one_thing_at_a_time(
    engine: AsyncEngine, transport: AsyncRecorder, relay: AsyncOutboxRelay
) -> None:
    """A relay that runs cannot be drained."""

    async def runs() -> bool:
        return (await relay.status()).running

    await eventually(runs)
    with pytest.raises(ConfigurationError, match="running already"):
        await relay.drain()


async def test_writers_that_commit_in_any_order_lose_nothing(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """A position that becomes visible late is sent as well: there is no cursor."""
    bus = AsyncMessageBus[Any]()
    late, early = BookBorrowed(id="late"), BookBorrowed(id="early")
    relay = AsyncOutboxRelay(engine, transport)
    if engine.dialect.name == "sqlite":
        # Writers wait for each other here: positions follow the commits by themselves.
        for event in (early, late):
            async with AsyncShelves(engine) as transaction:
                await bus.handle(event, transaction)
                await transaction.commit()
            assert 1 == await relay.drain()
    else:
        async with (uow := AsyncShelves(engine)) as first:
            await bus.handle(late, first)
            await take_positions(uow)
            async with AsyncShelves(engine) as second:
                await bus.handle(early, second)
                await second.commit()
            assert 1 == await relay.drain()
            await first.commit()
        assert 1 == await relay.drain()
        positions = {record.message_id: record.position for record in await stored(engine)}
        assert positions[late.message_id] < positions[early.message_id]

    assert [str(early.message_id), str(late.message_id)] == transport.ids


async def test_a_relay_may_start_before_the_migration(
    tmp_path: Any, transport: AsyncRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It says once that the tables are missing, and begins when they are there."""
    engine = new_engine(sqlite_url(tmp_path / "empty.db"))
    relay = AsyncOutboxRelay(engine, transport, poll_interval=0.01, reconnect=Backoff(first=0.01))

    async def has_tried_again() -> bool:
        return (relay._failures.outages or 0) > 2

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(has_tried_again)
        await async_create_tables(engine)
        await publish(engine, "1")
        await eventually(arrived)
    await engine.dispose()
    warnings = [each for each in caplog.messages if "messagebus_messages does not exist" in each]
    assert 1 == len(warnings)
    assert "Create it in a migration" in warnings[0]


async def test_draining_needs_the_tables(tmp_path: Any, transport: AsyncRecorder) -> None:
    """There is nothing to wait for where a command is to end."""
    engine = new_engine(sqlite_url(tmp_path / "empty.db"))
    with pytest.raises(MissingTableError, match="messagebus_messages does not exist") as caught:
        await AsyncOutboxRelay(engine, transport).drain()
    assert "messagebus_messages" == caught.value.table
    await engine.dispose()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"max_attempts": 0},
        {"poll_interval": 0},
        {"lease": 0},
        {"retention_batch": 0},
        {"on_poison": "ignore"},
    ],
)
async def test_options_that_make_no_sense_are_refused(
    engine: AsyncEngine, transport: AsyncRecorder, options: dict[str, Any]
) -> None:
    """A relay that could never work is not made."""
    with pytest.raises(ConfigurationError):
        AsyncOutboxRelay(engine, transport, **options)


async def test_draining_without_a_broker_fails(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """The caller learns that not everything can be sent; no attempt is counted."""
    await publish(engine, "1", "2")
    transport.fail(TransportUnavailableError("away"), after=1)
    relay = AsyncOutboxRelay(engine, transport)
    with pytest.raises(TransportUnavailableError):
        await relay.drain()

    assert [("sent", 1), ("pending", 0)] == [
        (record.state, record.attempts) for record in await stored(engine)
    ]
    assert 1 == await relay.drain()


async def test_a_relay_tells_how_it_is(
    engine: AsyncEngine, transport: AsyncRecorder, relay: AsyncOutboxRelay
) -> None:
    """The status names the leader and the backlog."""

    # The database has its name a moment before the relay knows that the commit succeeded.
    async def leads() -> bool:
        return (await relay.status()).leading

    await eventually(leads)
    status = await relay.status()
    assert status.is_healthy
    assert status.leader is not None
    assert relay.holder == status.leader.holder
    assert (0, None, 0) == (
        status.backlog.pending,
        status.backlog.oldest_age,
        status.backlog.parked,
    )


async def test_a_status_shows_an_outage(
    engine: AsyncEngine, transport: AsyncRecorder, relay: AsyncOutboxRelay
) -> None:
    """While the broker is away the relay is not healthy, and it is again when it is back."""
    transport.down = True
    await publish(engine, "1")

    async def is_ill() -> bool:
        status = await relay.status()
        return not status.is_healthy and status.outages > 1 and status.backlog.pending == 1

    async def is_well() -> bool:
        status = await relay.status()
        return status.is_healthy and status.backlog.pending == 0 and status.sent == 1

    await eventually(is_ill)
    transport.down = False
    await eventually(is_well)


async def test_sent_messages_are_kept_unless_a_retention_is_given(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """By default nothing is deleted; a relay with a retention deletes in small batches."""
    await publish(engine, *map(str, range(7)))
    await AsyncOutboxRelay(engine, transport, poll_interval=0.01).drain()
    assert 7 == len(await stored(engine))

    relay = AsyncOutboxRelay(
        engine, transport, poll_interval=0.01, retention=timedelta(0), retention_batch=2
    )

    async def is_empty() -> bool:
        return await stored(engine) == []

    async with background(relay.run, relay.stop):
        await eventually(is_empty)


async def test_two_relays_share_the_work_of_one(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """However many relays run beside the writers, each message is sent once, in order."""
    relays = [
        AsyncOutboxRelay(engine, transport, poll_interval=0.01, batch_size=3) for _ in range(3)
    ]

    async def write() -> None:
        for number in range(10):
            await publish(engine, str(number))

    async def arrived() -> bool:
        return len(transport.sent) == 40

    async with (
        background(relays[0].run, relays[0].stop),
        background(relays[1].run, relays[1].stop),
        background(relays[2].run, relays[2].stop),
    ):
        await together(write, write, write, write)
        await eventually(arrived)
        statuses = [await relay.status() for relay in relays]
        assert 1 == sum(status.leading for status in statuses)

    assert sorted(set(transport.ids)) == sorted(transport.ids)


class AsyncWatched(AsyncOutboxRelay):
    """Records its states."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.states: list[str] = []

    def _move(self, to: State) -> None:
        super()._move(to)
        self.states.append(to.value)


async def test_a_relay_stands_in_one_state_after_the_other(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """It connects, acquires the lease, sends until nothing is left, and gives the lease back."""
    await publish(engine, "1")
    relay = AsyncWatched(engine, transport)
    await relay.drain()

    assert ["connecting", "standby", "sending", "idle", "stopping", "stopped"] == relay.states


async def test_a_relay_pauses_while_the_broker_is_away(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """Then it sends again."""
    await publish(engine, "1")
    transport.fail(TransportUnavailableError())
    relay = AsyncWatched(engine, transport, reconnect=Backoff(first=0.01))

    async def is_idle() -> bool:
        return "idle" in relay.states

    async with background(relay.run, relay.stop):
        await eventually(is_idle)

    assert ["standby", "sending", "pausing", "sending", "idle"] == relay.states[1:6]


async def test_a_relay_connects_again_when_the_database_was_away(
    engine: AsyncEngine, transport: AsyncRecorder
) -> None:
    """It still holds its lease, so no other relay takes over."""

    class AsyncCutOff(AsyncWatched):
        away = 2

        async def _poll(self) -> None:
            if self.away:
                self.away -= 1
                raise OperationalError("SELECT 1", {}, Exception("no connection"))
            await super()._poll()

    relay = AsyncCutOff(engine, transport, reconnect=Backoff(first=0.01), poll_interval=0.01)

    async def is_back() -> bool:
        return relay.states.count("idle") == 3

    async with background(relay.run, relay.stop):
        await eventually(is_back)
        status = await relay.status()

    again = ["connecting", "standby", "sending", "idle"]
    assert [*again * 3, "stopping", "stopped"] == relay.states
    assert status.is_healthy
    assert status.leader is not None
    assert 1 == status.leader.token

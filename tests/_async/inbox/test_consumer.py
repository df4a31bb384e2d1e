"""The consumer: each message once, and nothing lost."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from messagebus import AsyncDependency, AsyncMessageBus, ConfigurationError, Event, Metadata
from messagebus.domain.model import uuid7
from messagebus.exceptions import ConsumerStoppedError, TransportRefusedError
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions, Delivery
from messagebus.retry import Backoff
from tests._async.inbox.conftest import NewConsumer
from tests._async.inbox.fakes import (
    AsyncPile,
    AsyncStoreWork,
    DatabaseAwayError,
    Store,
    away,
    delivered,
)
from tests.library import BookBorrowed, BookRegistered
from tests.running.aio import background, eventually, pause


class Unheard(Event):
    metadata: Metadata = Metadata(name="unheard", schema_version=1)


def registered(*ids: str, **details: Any) -> list[Delivery]:
    """Return deliveries of events with identifiers of books."""
    return [delivered(BookRegistered(id=id), **details) for id in ids]


def keyed(key: str, *ids: str, **details: Any) -> list[Delivery]:
    """Return deliveries with an ordering key."""
    return registered(*ids, more={"ordering_key": key}, **details)


def id_of(delivery: Delivery) -> UUID:
    """Return the identifier of a message."""
    assert delivery.wire is not None
    return UUID(delivery.wire["id"])


class Failing:
    """A listener that fails for some books, as often as it is told to."""

    def __init__(self, **times: int) -> None:
        self.times = times
        self.calls: list[str] = []

    async def __call__(self, event: BookRegistered, uow: Any) -> None:
        self.calls.append(event.id)
        if self.times.get(event.id, 0) > 0:
            self.times[event.id] -= 1
            text = f"no {event.id} today"
            raise ValueError(text)


async def test_each_message_is_handled_and_settled(store: Store, new_consumer: NewConsumer) -> None:
    """One transaction each, then one settlement of all."""
    deliveries = registered("1", "2", "3")
    source = AsyncPile(*deliveries)
    assert 3 == await new_consumer(source).drain()
    assert ["1", "2", "3"] == store.effects
    assert deliveries == source.settled
    assert (1, 1) == (source.connections, source.closings)


async def test_a_message_that_is_delivered_again_has_its_effect_once(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Its mark says that it was handled; it is settled all the same."""
    [delivery] = registered("1")
    source = AsyncPile(delivery, delivery)
    consumer = new_consumer(source)
    assert 1 == await consumer.drain()
    source.waiting.append(delivery)
    assert 0 == await consumer.drain()
    assert ["1"] == store.effects
    assert (3, 2) == (len(source.settled), consumer.status().duplicates)


async def test_two_consumers_apply_the_same_message(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Marks belong to the name of the consumer."""
    [delivery] = registered("1")
    for name in ("billing", "shipping"):
        await new_consumer(AsyncPile(delivery), name).drain()
    assert ["1", "1"] == store.effects


async def test_a_message_that_fails_is_tried_again_in_its_place(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Those with the same ordering key wait behind it; the others pass."""
    failing = Failing(a1=10_000)
    bus.add_listener(BookRegistered, failing)

    async def mend(event: BookRegistered, uow: Any) -> None:
        if event.id == "b1":
            failing.times["a1"] = 1

    bus.add_listener(BookRegistered, mend)
    source = AsyncPile(*keyed("a", "a1", "a2"), *keyed("b", "b1"))
    consumer = new_consumer(source, max_attempts=10_000)
    assert 3 == await consumer.drain()
    assert ["b1", "a1", "a2"] == store.effects
    assert failing.calls[0] == "a1"
    failures = failing.calls.count("a1") - 1
    assert failures >= 2
    assert (failures, 0) == (consumer.status().retried, len(store.attempts))


async def test_without_keys_all_wait_behind_the_one_that_fails(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """They have one place in the order of all."""
    bus.add_listener(BookRegistered, Failing(**{"1": 2}))
    await new_consumer(AsyncPile(*registered("1", "2"))).drain()
    assert ["1", "2"] == store.effects


async def test_while_all_wait_behind_one_nothing_is_asked_for_over_and_over(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """The wait for more messages is as long as the wait for the next attempt."""
    bus.add_listener(BookRegistered, Failing(**{"1": 1}))
    source = AsyncPile(*registered("1", "2"))
    waits: list[list[float]] = []

    async def note(event: BookRegistered, uow: Any) -> None:
        waits.append([*source.waits])

    bus.add_listener(BookRegistered, note)
    await new_consumer(source, backoff=Backoff(0.05, jitter=0.0)).drain()
    assert 2 == len(waits)
    assert 0.0 not in waits[0]  # before the second attempt


async def test_a_message_out_of_attempts_becomes_a_dead_letter(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """It is kept with all that is known, marked and settled, and the next one is handled."""
    bus.add_listener(BookRegistered, Failing(**{"1": 99}))
    source = AsyncPile(*registered("1", "2", headers={"trace": "x"}, origin="pile"))
    consumer = new_consumer(source, max_attempts=3)
    assert 1 == await consumer.drain()
    [letter] = store.letters
    assert ("billing", 3, "ValueError") == (letter.consumer, letter.attempts, letter.error_type)
    assert letter.error.startswith("no 1 today\nThe listener")
    assert "raise ValueError" in (letter.traceback or "")
    assert ({"trace": "x"}, "pile") == (letter.delivery.headers, letter.delivery.origin)
    assert (["2"], 2) == (store.effects, len(source.settled))
    assert (1, 2) == (consumer.status().buried, len(store.marks))


async def test_a_hopeless_error_makes_a_dead_letter_at_once(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Trying again would be in vain."""
    failing = Failing(**{"1": 99})
    bus.add_listener(BookRegistered, failing)
    await new_consumer(AsyncPile(*registered("1")), hopeless=[ValueError]).drain()
    assert (["1"], 1) == (failing.calls, store.letters[0].attempts)


async def test_an_attempt_is_counted_before_it_begins_if_the_message_came_before(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """It may have ended its process; the first attempt was that of the first delivery."""
    [delivery] = registered("1", redelivered=True)
    during: list[dict[Any, int]] = []

    async def look(event: BookRegistered, uow: Any) -> None:
        during.append(dict(store.attempts))

    bus.add_listener(BookRegistered, look)
    await new_consumer(AsyncPile(delivery)).drain()
    assert [2] == [*during[0].values()]
    assert {} == store.attempts


async def test_a_message_that_ends_its_process_again_and_again_is_not_handled_once_more(
    store: Store, new_consumer: NewConsumer
) -> None:
    """It becomes a dead letter without an attempt."""
    [delivery] = registered("1", redelivered=True)
    store.attempts[id_of(delivery)] = 3
    await new_consumer(AsyncPile(delivery), max_attempts=3).drain()
    [letter] = store.letters
    assert (3, []) == (letter.attempts - 1, store.effects)
    assert "has begun 3 time(s) and never ended" in letter.error


async def test_a_message_that_was_handled_needs_no_attempt(
    store: Store, new_consumer: NewConsumer
) -> None:
    """It may come again as often as it likes, also where one attempt is all it has."""
    [delivery] = registered("1", redelivered=True)
    store.marks.add(("billing", id_of(delivery)))
    source = AsyncPile(delivery)
    await new_consumer(source, max_attempts=1).drain()
    assert ([], [], [delivery]) == (store.letters, store.effects, source.settled)


@pytest.mark.parametrize("choice", ["skip", "bury", "stop"])
async def test_a_message_of_an_unknown_type_is_skipped_buried_or_an_end(
    store: Store, new_consumer: NewConsumer, choice: str
) -> None:
    """By choice; whatever it is, nothing is lost."""
    unheard, heard = delivered(Unheard()), *registered("1")
    source = AsyncPile(unheard, heard)
    consumer = new_consumer(source, on_unknown=choice)
    if choice == "stop":
        with pytest.raises(ConsumerStoppedError, match="has stopped at the message") as caught:
            await consumer.drain()
        assert "billing" == caught.value.consumer
        assert ([], [unheard, heard]) == (source.settled, source.released)
        return
    await consumer.drain()
    assert (["1"], [unheard, heard]) == (store.effects, source.settled)
    assert ("bury" == choice) == (len(store.letters) == 1)
    assert ("skip" == choice) == (consumer.status().skipped == 1)


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(None, b"\xff\x00", redelivered=False),
        Delivery({}, b"{}", redelivered=False),
        delivered(BookRegistered(id="1"), more={"payload": "[1]"}),
        delivered(BookRegistered(id="1"), more={"created_at": "yesterday"}),
        delivered(BookRegistered(id="1"), more={"id": "7"}),
        delivered(BookRegistered(id="1"), more={"type": 7}),
    ],
)
async def test_what_cannot_be_read_becomes_a_dead_letter_with_its_bytes(
    store: Store, new_consumer: NewConsumer, delivery: Delivery
) -> None:
    """It is buried at once, and the next one is handled."""
    source = AsyncPile(delivery, delivery, *registered("2"))
    await new_consumer(source).drain()
    assert {delivery.body} == {letter.delivery.body for letter in store.letters}
    assert 1 == len({letter.message_id for letter in store.letters})
    assert (["2"], 3) == (store.effects, len(source.settled))


async def test_messages_can_share_a_transaction(store: Store, new_consumer: NewConsumer) -> None:
    """For speed; the marks are written in one statement as well."""
    source = AsyncPile(*registered(*"12345"))
    assert 5 == await new_consumer(source, transaction_batch=2).drain()
    assert ([*"12345"], 3) == (store.effects, store.commits - 2)  # two of them look and prune


async def test_if_a_shared_transaction_fails_each_message_gets_its_own(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """The guilty one is tried again, the others are handled once, and their order stays."""
    bus.add_listener(BookRegistered, Failing(**{"2": 2}))
    consumer = new_consumer(AsyncPile(*registered(*"1234")), transaction_batch=4)
    assert 4 == await consumer.drain()
    assert [*"1234"] == store.effects


async def test_a_duplicate_within_a_shared_transaction_is_handled_once(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Its mark is new only once."""
    [delivery] = registered("1")
    await new_consumer(AsyncPile(delivery, delivery), transaction_batch=2).drain()
    assert ["1"] == store.effects


async def test_an_outage_of_the_database_counts_no_attempt(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Nothing is buried, and everything is handled once it is back."""
    source = AsyncPile(*registered("1", "2", redelivered=True))
    consumer = new_consumer(source, max_attempts=3)

    async def handled() -> bool:
        return consumer.status().handled == 2

    async def tried() -> bool:
        return "the database is away" in (consumer.status().last_error or "")

    store.down = True
    async with background(consumer.run, consumer.stop):
        await eventually(tried)
        store.down = False
        await eventually(handled)
    assert (["1", "2"], []) == (store.effects, store.letters)
    assert consumer.status().last_error is None


async def test_an_outage_that_a_handler_meets_counts_no_attempt(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """The database has failed, not the message."""
    calls: list[str] = []

    async def meet(event: BookRegistered, uow: Any) -> None:
        calls.append(event.id)
        if len(calls) < 6:
            raise DatabaseAwayError

    bus.add_listener(BookRegistered, meet)
    consumer = new_consumer(AsyncPile(*registered("1")), max_attempts=2)

    async def handled() -> bool:
        return consumer.status().handled == 1

    async with background(consumer.run, consumer.stop):
        await eventually(handled)
    assert (6, [], ["1"]) == (len(calls), store.letters, store.effects)


async def test_the_broker_is_waited_for(store: Store, new_consumer: NewConsumer) -> None:
    """When it is back, the source connects again."""
    source = AsyncPile(*registered("1"))
    consumer = new_consumer(source)

    async def connected() -> bool:
        return consumer.status().connected

    async def waits() -> bool:
        return consumer.status().last_error is not None

    async def handled() -> bool:
        return store.effects == ["1", "2"] and len(source.settled) == 2

    source.down = away()
    async with background(consumer.run, consumer.stop):
        await eventually(waits)
        source.down = None
        await eventually(connected)
        source.down = away()
        await eventually(waits)
        source.waiting.extend(registered("2"))
        source.down = None
        await eventually(handled)


async def test_a_broker_that_refuses_the_consumer_ends_it_at_its_start(
    new_consumer: NewConsumer,
) -> None:
    """Somebody must change something."""
    source = AsyncPile()
    source.down = TransportRefusedError("wrong password")
    consumer = new_consumer(source)
    with pytest.raises(TransportRefusedError, match="wrong password"):
        await consumer.run()
    assert (False, 1) == (consumer.status().running, source.closings)


async def test_no_more_is_received_than_can_be_held(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """While the first one fails, those behind it wait at the broker."""
    bus.add_listener(BookRegistered, Failing(**{"1": 5}))
    source = AsyncPile(*registered(*"123456"))
    assert 6 == await new_consumer(source, prefetch=2).drain()
    assert 2 == max(source.limits)
    assert [*"123456"] == store.effects


async def test_stopping_finishes_what_is_handled_and_gives_back_the_rest(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Nothing new begins."""
    deliveries = registered("1", "2", "3")
    source = AsyncPile(*deliveries)
    consumer = new_consumer(source)

    async def stop(event: BookRegistered, uow: Any) -> None:
        if event.id == "2":
            consumer.stop()

    bus.add_listener(BookRegistered, stop)
    await consumer.run()
    assert ["1", "2"] == store.effects
    assert (deliveries[:2], deliveries[2:]) == (source.settled, source.released)
    assert (False, 0) == (consumer.status().running, consumer.status().held)
    await consumer.drain()  # it can be started again


async def test_a_dead_letter_that_cannot_be_written_leaves_the_message_unsettled(
    store: Store, new_consumer: NewConsumer
) -> None:
    """It is written as soon as that is possible, once, and settled only then."""
    source = AsyncPile(Delivery(None, b"?", redelivered=False), *registered("1"))
    consumer = new_consumer(source)
    store.refuses_letters = True

    async def refused() -> bool:
        return consumer.status().last_error is not None

    async def written() -> bool:
        return len(source.settled) == 2

    async with background(consumer.run, consumer.stop):
        await eventually(refused)
        assert ([], []) == (source.settled, store.letters)
        store.refuses_letters = False
        await eventually(written)
    assert 1 == len(store.letters)


async def test_a_unit_of_work_without_an_inbox_applies_messages_at_least_once(
    store: Store, new_consumer: NewConsumer, caplog: pytest.LogCaptureFixture
) -> None:
    """The consumer says so when it starts."""
    [delivery] = registered("1")
    consumer = new_consumer(AsyncPile(delivery, delivery), has_inbox=False)
    await consumer.drain()
    assert ["1", "1"] == store.effects
    assert "applies each message at least once" in caplog.text


async def test_without_an_inbox_a_message_out_of_attempts_stops_the_consumer(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """There is no place for a dead letter, and it must not be lost."""
    bus.add_listener(BookRegistered, Failing(**{"1": 99}))
    source = AsyncPile(*registered("1"))
    with pytest.raises(ConsumerStoppedError, match="no 1 today") as caught:
        await new_consumer(source, has_inbox=False, max_attempts=2).drain()
    assert "a unit of work with an inbox" in caught.value.__notes__[0]
    assert ([], 1) == (source.settled, len(source.released))


async def test_messages_behind_a_dead_letter_can_be_buried_with_it(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Those with the same key; they are replayed in order later."""
    bus.add_listener(BookRegistered, Failing(a1=99))
    source = AsyncPile(*keyed("a", "a1", "a2"), *keyed("b", "b1"), *keyed("a", "a3"))
    options = {"max_attempts": 2, "on_dead_letter": "bury"}
    await new_consumer(source, **options).drain()
    assert ["b1"] == store.effects
    assert [2, 0, 0] == [letter.attempts for letter in store.letters]
    assert "behind a dead letter with the ordering key 'a'" in store.letters[1].error

    later = AsyncPile(*keyed("a", "a4"))  # in another process
    await new_consumer(later, **options).drain()
    assert (4, ["b1"]) == (len(store.letters), store.effects)


async def test_messages_of_different_keys_are_handled_at_the_same_time(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """One that takes long holds up those with its own key only."""
    ended = False

    async def wait_for_b(event: BookRegistered, uow: Any) -> None:
        nonlocal ended

        async def b_is_done() -> bool:
            return "b1" in store.effects

        if event.id == "a1":
            await eventually(b_is_done)
            ended = True
        if event.id == "a2":
            assert ended

    bus.add_listener(BookRegistered, wait_for_b)
    source = AsyncPile(*keyed("a", "a1", "a2"), *keyed("d", "b1"))
    assert 3 == await new_consumer(source, concurrency=2).drain()
    assert ["b1", "a1", "a2"] == store.effects
    assert 3 == len(source.settled)


async def test_partitions_are_leased_before_they_are_read(
    store: Store, new_consumer: NewConsumer
) -> None:
    """And given up at the end."""
    source = AsyncPile(partitions=3)
    source.waiting.extend([*registered("1", partition=0), *registered("2", partition=2)])
    store.shares = [(0, 1)]
    consumer = new_consumer(source)
    await consumer.drain()
    assert ([(0, 1)], ["1"]) == (source.assigned, store.effects)  # 2 belongs to another process
    assert [consumer.member] == store.left


@pytest.mark.slow
async def test_a_lease_that_has_lapsed_is_taken_anew(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Another process may have had the partition meanwhile, and left something to take over."""
    source = AsyncPile(*registered("1"), partitions=1)
    consumer = new_consumer(source, lease=1.0)

    async def outlast_the_lease(event: BookRegistered, uow: Any) -> None:
        store.down = True
        await pause(1.1)
        store.down = False

    async def taken_anew() -> bool:
        return source.assigned[:3] == [(0,), (), (0,)]

    bus.add_listener(BookRegistered, outlast_the_lease)
    async with background(consumer.run, consumer.stop):
        await eventually(taken_anew)


async def test_without_an_inbox_all_partitions_are_read(
    store: Store, new_consumer: NewConsumer
) -> None:
    """There is nothing to lease them by."""
    source = AsyncPile(*registered("1", partition=1), partitions=2)
    await new_consumer(source, has_inbox=False).drain()
    assert ([(0, 1)], ["1"]) == (source.assigned, store.effects)


async def test_a_message_whose_partition_is_lost_is_forgotten(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Another process handles it."""
    source = AsyncPile(*registered("1", partition=1), *registered("2"))
    source.lost = {1}
    consumer = new_consumer(source)
    await consumer.drain()
    assert (["2"], 1, 0) == (store.effects, len(source.settled), consumer.status().held)


async def test_what_is_held_is_extended_while_a_handler_runs(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Otherwise the broker would give it to another process."""
    source = AsyncPile(*registered("1", "2"))
    source.hold = 0.03

    async def wait(event: BookRegistered, uow: Any) -> None:
        async def extended() -> bool:
            return 2 in source.extended

        if event.id == "1":
            await eventually(extended)

    bus.add_listener(BookRegistered, wait)
    await new_consumer(source).drain()
    assert 2 == len(source.settled)


async def test_what_follows_a_commit_does_not_undo_it(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer, caplog: Any
) -> None:
    """The message is handled; the failure is logged."""

    class Notifier(AsyncDependency):
        async def on_after_commit(self) -> None:
            text = "no mail today"
            raise OSError(text)

        async def on_after_rollback(self) -> None:
            pass

    async def notify(event: BookRegistered, uow: Any, notifier: Notifier) -> None:
        """Ask for the dependency."""

    bus.dependencies["notifier"] = Notifier
    bus.add_listener(BookRegistered, notify)
    consumer = new_consumer(AsyncPile(*registered("1")))
    assert 1 == await consumer.drain()
    assert (["1"], 0) == (store.effects, consumer.status().retried)
    assert "what follows the commit has failed" in caplog.text


async def test_what_a_handler_raises_belongs_to_the_cascade_of_the_message(
    bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """The correlation goes on, the message is the cause, and it is not stored again."""
    first = uuid7()
    event = BookBorrowed()
    found: list[Any] = []

    async def look(event: BookBorrowed, uow: Any) -> None:
        found.extend([uow.correlation_id, uow.received.message])

    bus.add_listener(BookBorrowed, look)
    await new_consumer(AsyncPile(delivered(event, more={"correlation_id": str(first)}))).drain()
    assert [first, event] == found
    assert event.message_id == found[1].message_id


async def test_old_marks_are_deleted(store: Store, new_consumer: NewConsumer) -> None:
    """So that the inbox does not grow with the number of messages."""
    await new_consumer(AsyncPile(), retention=timedelta(days=3)).drain()
    assert [timedelta(days=3)] == store.pruned


async def test_a_consumer_runs_once_at_a_time(new_consumer: NewConsumer) -> None:
    """Another one needs a source of its own."""
    consumer = new_consumer(AsyncPile())

    async def running() -> bool:
        return consumer.status().running

    async with background(consumer.run, consumer.stop):
        await eventually(running)
        with pytest.raises(ConfigurationError, match="is running already"):
            await consumer.run()


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0},
        {"transaction_batch": 0},
        {"prefetch": 0},
        {"max_attempts": 0},
        {"lease": 0.5},
        {"retention": timedelta(days=-1)},
        {"on_unknown": "ignore"},
        {"on_dead_letter": "keep"},
    ],
)
def test_options_that_cannot_work_are_refused(options: Any) -> None:
    """When they are made."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        ConsumerOptions(**options)


@pytest.mark.parametrize("name", ["", "a" * 201, "a\nb", 7])
def test_a_name_that_cannot_be_stored_is_refused(name: Any, new_consumer: NewConsumer) -> None:
    """When the consumer is made."""
    with pytest.raises(ConfigurationError, match="The name of a consumer"):
        new_consumer(AsyncPile(), name)


class AsyncTimedWork(AsyncStoreWork):
    """A unit of work that gives each transaction a minute."""

    async def __aenter__(self, transaction: Any = None) -> Any:
        transaction = await super().__aenter__(transaction)
        transaction.deadline = time.monotonic() + 60.0
        return transaction


async def test_a_deadline_of_the_unit_of_work_counts_without_a_timeout(
    store: Store, bus: AsyncMessageBus[Any]
) -> None:
    """The consumer has none of its own by default."""

    async def take_long(event: BookRegistered, transaction: Any) -> None:
        transaction.deadline = time.monotonic()  # as if the time were over

    bus.add_listener(BookRegistered, take_long)
    source, options = AsyncPile(*registered("1")), ConsumerOptions(max_attempts=1)
    work = partial(AsyncTimedWork, store)
    assert 0 == await AsyncInboxConsumer("billing", source, bus, work, options=options).drain()
    assert "DeadlineExceededError" in store.letters[0].error_type


async def test_a_message_that_takes_too_long_has_failed(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Each attempt has a deadline of its own; the last one makes it a dead letter."""
    deadlines: list[float] = []

    async def take_long(event: BookRegistered, transaction: Any) -> None:
        deadlines.append(transaction.deadline)
        transaction.deadline = time.monotonic()  # as if the time were over

    bus.add_listener(BookRegistered, take_long)
    source = AsyncPile(*registered("1"))
    consumer = new_consumer(source, timeout=60.0, max_attempts=2)

    assert 0 == await consumer.drain()

    assert [] == store.effects
    assert 2 == len({*deadlines})
    [letter] = store.letters
    assert "DeadlineExceededError" in letter.error_type
    assert "BookRegistered" in letter.error

"""Messages whose broker does not tell whether it has delivered them before."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.inbox import AsyncInboxConsumer, Delivery, Position
from messagebus.inbox._async.arrivals import AsyncArrivals
from messagebus.inbox.backlog import Backlog
from messagebus.inbox.reading import hold
from tests._async.inbox.conftest import NewConsumer
from tests._async.inbox.fakes import AsyncPile, AsyncStoreInbox, Store, away, delivered
from tests._async.inbox.test_consumer import Failing, id_of
from tests.library import BookRegistered
from tests.running.aio import background, eventually

LOG = "pile 0"


def logged(*offsets: int, log: str = LOG, partition: int = 0) -> list[Delivery]:
    """Return deliveries of events of a log."""
    return [
        delivered(
            BookRegistered(id=f"{offset}"),
            redelivered=None,
            position=Position(log, offset),
            partition=partition,
        )
        for offset in offsets
    ]


class Counted:
    """A listener that notes which messages have an attempt in the inbox while it hears them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids: list[str] = []

    async def __call__(self, event: BookRegistered, uow: Any) -> None:
        """Note a message; only one that is alone can be counted."""
        if self.store.attempts:
            self.ids.append(event.id)


@pytest.fixture
def counted(store: Store, bus: AsyncMessageBus[Any]) -> Counted:
    """Return a listener of the bus."""
    counted = Counted(store)
    bus.add_listener(BookRegistered, counted)
    return counted


async def test_a_first_delivery_is_neither_counted_nor_alone(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """The messages share a transaction, and what is in hand is noted in one more."""
    consumer = new_consumer(AsyncPile(*logged(3, 4, 7)), transaction_batch=9)
    assert 3 == await consumer.drain()
    assert ([], {}, {LOG: range(3, 8)}) == (counted.ids, store.attempts, store.noted)
    empty = Store()
    await new_consumer(AsyncPile(*logged(8, 9)), transaction_batch=9).drain()
    assert ([], {LOG: range(8, 10)}) == (counted.ids, store.noted)
    assert {} == empty.noted


@pytest.mark.parametrize(("concurrency", "noting"), [(1, {0, 100}), (2, {0})])
async def test_the_messages_in_front_share_their_transaction_with_the_note_of_what_is_behind(
    store: Store, counted: Counted, new_consumer: NewConsumer, concurrency: int, noting: set[int]
) -> None:
    """Where several are handled at a time, they would wait for each other."""
    source = AsyncPile(*logged(*range(400)))
    options = {"concurrency": concurrency, "prefetch": 200, "transaction_batch": 100}
    assert 400 == await new_consumer(source, **options).drain()
    assert noting == {*store.noting}
    assert ([], 400) == (counted.ids, store.noted[LOG].stop)


async def test_what_comes_while_others_are_noted_waits_for_the_next_note(store: Store) -> None:
    """It is not in what was noted, so nobody knows whether it came before."""
    arrivals = AsyncArrivals("billing", AsyncPile(), Backlog(1))
    first, second = map(hold, logged(0, 1))
    arrivals.add([first])
    await arrivals.note(AsyncStoreInbox(store))
    arrivals.add([second])
    arrivals.end()
    assert (False, True, True) == (first.unseen, second.unseen, arrivals.is_due)


async def test_what_is_being_settled_is_in_hand(store: Store) -> None:
    """The broker may deliver it again until it has confirmed."""
    backlog, inbox = Backlog(1), AsyncStoreInbox(store)
    first, second = map(hold, logged(0, 1))
    backlog.add([first])
    backlog.finish(0, backlog.take(0, 1, 0.0))
    assert [first.delivery] == backlog.settling()
    arrivals = AsyncArrivals("billing", AsyncPile(), backlog)
    arrivals.add([second])
    await arrivals.note(inbox)
    assert {LOG: range(2)} == inbox.noted
    backlog.settled()
    await arrivals.note(inbox)
    assert {LOG: range(1, 2)} == inbox.noted


async def test_what_is_rolled_back_with_the_messages_in_front_is_noted_once_more(
    store: Store, bus: AsyncMessageBus[Any], counted: Counted, new_consumer: NewConsumer
) -> None:
    """Nothing counts as begun because of it."""
    bus.add_listener(BookRegistered, Failing(**{"150": 1}))
    source = AsyncPile(*logged(*range(400)))
    await new_consumer(source, prefetch=200, transaction_batch=100).drain()
    assert ([], [str(number) for number in range(400)]) == (counted.ids, store.effects)
    assert [0, 1] == store.noting[:2]


async def test_what_a_process_had_in_hand_when_it_was_killed_is_counted_alone(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """What comes behind it is not."""
    store.noted[LOG] = range(3, 5)
    await new_consumer(AsyncPile(*logged(3, 4, 5, 6)), transaction_batch=9).drain()
    assert ["3", "4"] == counted.ids
    assert (["3", "4", "5", "6"], {}) == (store.effects, store.attempts)


async def test_a_message_that_kills_its_processes_becomes_a_dead_letter(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Its attempts are counted before they begin, and nothing of what it does is committed."""
    [killer, other] = logged(3, 4)
    attempts: list[int | None] = []

    async def kill(event: BookRegistered, uow: Any) -> None:
        if event.id == "3":
            attempts.append(store.attempts.get(id_of(killer)))
            raise KillError(copy.deepcopy(vars(store)))

    bus.add_listener(BookRegistered, kill)
    for _ in range(3):
        with pytest.RaisesGroup(KillError, allow_unwrapped=True, flatten_subgroups=True) as killed:
            await new_consumer(AsyncPile(killer, other), max_attempts=3).drain()
        [error] = getattr(killed.value, "exceptions", [killed.value])
        vars(store).update(error.args[0])  # a process that is killed writes nothing any more
    assert [None, 2, 3] == attempts
    await new_consumer(AsyncPile(killer, other), max_attempts=3).drain()
    assert (["4"], 1, {}) == (store.effects, len(store.letters), store.attempts)


class KillError(BaseException):
    """Ends a process in the middle of a message."""


async def test_all_that_was_in_hand_is_counted_however_little_is_fetched_at_a_time(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """What comes first does not hide what comes later."""
    store.noted[LOG] = range(6)
    source = AsyncPile(*logged(*range(8)))
    await new_consumer(source, prefetch=2, transaction_batch=2).drain()
    assert ["0", "1", "2", "3", "4", "5"] == counted.ids
    assert {LOG: range(6, 8)} == store.noted


class Noting(AsyncPile):
    """A source that remembers what was noted whenever it settles messages."""

    def __init__(self, store: Store, *deliveries: Delivery) -> None:
        super().__init__(*deliveries)
        self.store = store
        self.noted: list[range] = []

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle messages."""
        self.noted.append(self.store.noted[LOG])
        await super().settle(deliveries)


async def test_what_is_in_hand_begins_with_the_first_message_that_is_not_settled(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """However many were fetched after it."""

    async def fail(event: BookRegistered, uow: Any) -> None:
        if event.id == "1" and "5" not in store.effects:
            text = "not yet"
            raise ValueError(text)

    bus.add_listener(BookRegistered, fail)
    deliveries = [
        Delivery({**(each.wire or {}), "ordering_key": f"{key}"}, each.body, position=each.position)
        for key, each in enumerate(logged(*range(6)))
    ]
    source = Noting(store, *deliveries)
    await new_consumer(source, prefetch=3, max_attempts=10_000).drain()
    found = [*dict.fromkeys(source.noted)]  # a slow machine settles more often
    assert range(3) == found[0]
    assert {1} == {each.start for each in found[1 : found.index(range(1, 6)) + 1]}


@pytest.mark.parametrize("start", [0, 2_000_000])
async def test_offsets_that_somebody_has_set_are_new(
    store: Store, counted: Counted, new_consumer: NewConsumer, start: int
) -> None:
    """Nothing between them and what was in hand counts, nor does a topic that was made anew."""
    store.noted[LOG] = range(1_000_000, 1_000_200)
    source = AsyncPile(*logged(*range(start, start + 4)))
    await new_consumer(source, prefetch=2, transaction_batch=2).drain()
    assert ([], {LOG: range(start + 2, start + 4)}) == (counted.ids, store.noted)


async def test_partitions_are_told_apart_in_a_batch_of_several(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """Also those of another topic that a consumer of the same name reads."""
    store.noted = {"pile 1": range(1, 2), "heap 0": range(9)}
    source = AsyncPile(*logged(0, 1), *logged(2, 1, log="pile 1"))
    await new_consumer(source, transaction_batch=9).drain()
    assert ["1"] == counted.ids
    assert {LOG: range(2), "pile 1": range(1, 3), "heap 0": range(9)} == store.noted


async def test_what_a_process_gives_back_unbegun_is_new_to_the_next_one(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """What was begun and not done stays in hand, with all that is in front of it."""
    consumers: list[AsyncInboxConsumer] = []

    async def fail(event: BookRegistered, uow: Any) -> None:
        if event.id == "1":
            consumers[0].stop()
            text = "not yet"
            raise ValueError(text)

    bus.add_listener(BookRegistered, fail)
    source = AsyncPile(*logged(0, 1, 2, 3), *logged(5, 6, log="pile 1", partition=1))
    consumers.append(new_consumer(source))
    await consumers[0].run()
    assert {LOG: range(2), "pile 1": range(5, 5)} == store.noted
    assert (["0"], 5) == (store.effects, len(source.released))


async def test_what_was_in_hand_before_stays_so_when_a_process_stops(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Also what has not come again yet."""
    store.noted[LOG] = range(9)
    consumers: list[AsyncInboxConsumer] = []

    async def stop(event: BookRegistered, uow: Any) -> None:
        consumers[0].stop()

    bus.add_listener(BookRegistered, stop)
    consumers.append(new_consumer(AsyncPile(*logged(0, 1, 2)), prefetch=3))
    await consumers[0].run()
    assert (["0"], {LOG: range(9)}) == (store.effects, store.noted)


async def test_what_has_not_come_again_stays_in_hand_whatever_is_given_back(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """What was handled counts no attempt, and is no end of what was begun."""
    deliveries = logged(0, 1, 2)
    store.noted[LOG] = range(9)
    store.marks = {("billing", id_of(each)) for each in deliveries[1:]}
    consumers: list[AsyncInboxConsumer] = []

    async def stop(event: BookRegistered, uow: Any) -> None:
        consumers[0].stop()

    bus.add_listener(BookRegistered, stop)
    source = AsyncPile(*deliveries)
    consumers.append(new_consumer(source))
    await consumers[0].run()
    assert (["0"], 2, {LOG: range(9)}) == (store.effects, len(source.released), store.noted)


async def test_what_is_given_back_before_it_was_noted_stays_in_hand(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Nobody knows then whether it was begun."""
    store.noted[LOG] = range(9)
    source = Answerless(store, *logged(0, 1, 2, 3))
    consumer = new_consumer(source, prefetch=2)
    store.on_loss = consumer.stop
    await consumer.run()
    assert (["0", "1"], 2, {LOG: range(2, 9)}) == (
        store.effects,
        len(source.released),
        store.noted,
    )


async def test_a_process_that_stops_notes_nothing_of_what_it_has_lost(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Whoever holds the partition now has noted more."""
    source = AsyncPile(*logged(0, 1, 2))
    consumers: list[AsyncInboxConsumer] = []

    async def lose(event: BookRegistered, uow: Any) -> None:
        store.noted[LOG] = range(1, 7)
        source.lost.add(0)
        consumers[0].stop()

    bus.add_listener(BookRegistered, lose)
    consumers.append(new_consumer(source))
    await consumers[0].run()
    assert {LOG: range(1, 7)} == store.noted


async def test_what_was_lost_is_not_in_hand(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Where a topic is made anew, its offsets would reach from the first to the last one."""
    source = AsyncPile(*logged(1_000_000))

    async def lose(event: BookRegistered, uow: Any) -> None:
        if 0 not in source.lost:
            source.lost.add(0)
            source.waiting.extend(logged(0, 1, partition=1))
            text = "not yet"
            raise ValueError(text)

    bus.add_listener(BookRegistered, lose)
    assert 2 == await new_consumer(source).drain()
    assert {LOG: range(2)} == store.noted


async def test_without_a_position_only_the_attempts_of_this_process_count(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """A source that can tell neither is asked for no more."""
    source = AsyncPile(*(delivered(BookRegistered(id=id), redelivered=None) for id in "12"))
    await new_consumer(source, transaction_batch=9).drain()
    assert ([], {}, ["1", "2"]) == (counted.ids, store.noted, store.effects)


async def test_what_is_in_hand_is_noted_after_an_outage(
    store: Store, new_consumer: NewConsumer
) -> None:
    """Nothing is handled before."""
    store.down = True
    source = AsyncPile(*logged(0, 1))
    consumer = new_consumer(source)

    async def has_failed() -> bool:
        return consumer.status().last_error is not None

    async def is_settled() -> bool:
        return len(source.settled) == 2

    async with background(consumer.run, consumer.stop):
        await eventually(has_failed)
        assert [] == store.effects
        store.down = False
        await eventually(is_settled)
    assert {LOG: range(2)} == store.noted


async def test_what_was_in_hand_and_handled_is_neither_counted_nor_alone(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """Behind one message that waits, any number may have been handled."""
    deliveries = logged(*range(9))
    store.noted[LOG] = range(9)
    store.marks = {("billing", id_of(each)) for each in deliveries[1:8]}
    consumer = new_consumer(AsyncPile(*deliveries), transaction_batch=9)
    assert 2 == await consumer.drain()
    assert (["0", "8"], ["0", "8"], {}) == (counted.ids, store.effects, store.attempts)
    assert (8, 7) == (store.entered, consumer.status().duplicates)  # which share a transaction


async def test_a_note_whose_answer_was_lost_is_that_of_this_process(
    store: Store, counted: Counted, new_consumer: NewConsumer
) -> None:
    """Nothing was begun because of it, but for what another process had in hand."""
    store.noted[LOG] = range(2)
    source = Answerless(store, *logged(*range(6)))
    consumer = new_consumer(source, transaction_batch=9)

    async def is_settled() -> bool:
        return len(source.settled) == 6

    async with background(consumer.run, consumer.stop):
        await eventually(is_settled)
    assert (0, ["0", "1"]) == (store.lost_answers, counted.ids)


class Answerless(AsyncPile):
    """A source after whose last messages the answer to a commit is lost.

    Args:
        store: whose commits lose it.
        deliveries: what it delivers.
    """

    def __init__(self, store: Store, *deliveries: Delivery) -> None:
        super().__init__(*deliveries)
        self.store = store

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Receive messages."""
        found = await super().receive(limit, wait)
        if found and not self.waiting:
            self.store.lost_answers = 1
        return found


class Losing(AsyncPile):
    """A source that loses what it has just delivered."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Lose messages."""
        found = await super().receive(limit, wait)
        self.lost |= {each.partition for each in found}
        return found


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_what_was_lost_before_it_was_noted_is_not_in_hand(
    store: Store, new_consumer: NewConsumer, concurrency: int
) -> None:
    """Whoever has it has noted more."""
    store.noted[LOG] = range(50, 60)
    await new_consumer(Losing(*logged(0, 1)), concurrency=concurrency).drain()
    assert ([], {LOG: range(50, 60)}) == (store.effects, store.noted)


class Closing(AsyncPile):
    """A source that loses its broker with its last message.

    Attributes:
        on_close: called then.
    """

    on_close: Callable[[], None] | None = None

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Receive messages."""
        found = await super().receive(limit, wait)
        if self.on_close is not None and not self.waiting:
            self.down = away()
            self.on_close()
        return found


async def test_what_could_not_be_given_back_does_not_hold_up_the_next_run(
    store: Store, bus: AsyncMessageBus[Any], new_consumer: NewConsumer
) -> None:
    """Its broker delivers it again, so the consumer keeps nothing of it."""
    bus.add_listener(BookRegistered, Failing(**{"100": 99}))
    source = Closing(*logged(*range(102)))
    consumer = new_consumer(source, prefetch=101, transaction_batch=100, max_attempts=1)
    source.on_close = consumer.stop
    await consumer.run()
    assert (100, 100) == (len(store.effects), len(source.settled))
    source.on_close = source.down = None
    source.waiting.extend(logged(100, 101))

    async def is_handled() -> bool:
        return "101" in store.effects

    async with background(consumer.run, consumer.stop):
        await eventually(is_handled)

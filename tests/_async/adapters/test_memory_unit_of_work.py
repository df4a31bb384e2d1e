"""The unit of work in memory: the contracts that it keeps, and what is special about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from messagebus import (
    AsyncAbstractEventstreamTransport,
    AsyncMessageBus,
    TransactionError,
)
from messagebus.adapters.memory import (
    AsyncMemoryRelay,
    AsyncMemoryRepository,
    AsyncMemorySource,
    AsyncMemoryTransport,
    AsyncMemoryUnitOfWork,
    MemorySession,
    MemoryStore,
)
from messagebus.exceptions import (
    ConflictError,
    DuplicateModelError,
    MessageRejectedError,
    UnknownModelError,
)
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions
from messagebus.retry import Backoff, Retry
from messagebus.testing.outbox import ASYNC_OUTBOX_RULES, AsyncOutboxHarness
from messagebus.testing.unit_of_work import (
    ASYNC_UNIT_OF_WORK_RULES,
    AsyncUnitOfWorkHarness,
    Parcel,
    ParcelWeighed,
    WeighParcel,
)
from tests.running.aio import pause, together


class AsyncDepot(AsyncMemoryUnitOfWork[AsyncMemoryRepository[Parcel]]):
    """A unit of work with parcels."""

    parcels: AsyncMemoryRepository[Parcel]

    def attach(self, session: MemorySession) -> None:
        """Create the repository."""
        self.parcels = AsyncMemoryRepository(session, Parcel)


class AsyncMemoryOutboxHarness(AsyncOutboxHarness):
    """A store that is empty."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def uow(self) -> AsyncMemoryUnitOfWork[Any]:
        """Make a unit of work."""
        return AsyncMemoryUnitOfWork(self.store)

    def relay(self, transport: AsyncAbstractEventstreamTransport) -> AsyncMemoryRelay:
        """Make a relay."""
        return AsyncMemoryRelay(self.store, transport)


class AsyncMemoryHarness(AsyncUnitOfWorkHarness):
    """A store that is empty, with units of work of a class."""

    def __init__(self, kind: type[AsyncDepot] = AsyncDepot) -> None:
        self.store = MemoryStore()
        self.kind = kind

    def uow(self) -> AsyncDepot:
        """Make a unit of work."""
        return self.kind(self.store)

    async def stored(self) -> Sequence[tuple[UUID, UUID | None, UUID]]:
        """Return the identifiers in the wire messages."""
        wires = [each.wire for each in self.store.stored.values()]
        return [
            (UUID(each["id"]), _id(each["causation_id"]), UUID(each["correlation_id"]))
            for each in wires
        ]

    async def dead_letters(self) -> Sequence[tuple[str, UUID]]:
        """Return the dead letters."""
        return [(each.consumer, each.message_id) for each in self.store.dead_letters]


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


@pytest.mark.parametrize("rule", ASYNC_UNIT_OF_WORK_RULES)
async def test_the_contract_of_a_unit_of_work_is_kept(
    rule: Callable[[AsyncUnitOfWorkHarness], Any],
) -> None:
    """A broken rule states what it expected."""
    await rule(AsyncMemoryHarness())


@pytest.mark.parametrize("rule", ASYNC_OUTBOX_RULES)
async def test_the_contract_of_a_store_is_kept(
    rule: Callable[[AsyncOutboxHarness], Any],
) -> None:
    """A broken rule states what it expected."""
    await rule(AsyncMemoryOutboxHarness())


async def test_two_transactions_cannot_change_the_same_model() -> None:
    """The later commit fails, as a database would let it wait or fail, and nothing is kept."""
    store = MemoryStore()
    async with AsyncDepot(store) as transaction:
        await transaction.uow.parcels.add(Parcel(id="1"))
        await transaction.commit()
    async with AsyncDepot(store) as first, AsyncDepot(store) as second:
        (await first.uow.parcels.get("1")).weigh(1.0)
        (await second.uow.parcels.get("1")).weigh(2.0)
        await second.uow.parcels.add(Parcel(id="2"))
        await first.commit()
        with pytest.raises(ConflictError) as caught:
            await second.commit()
        with pytest.raises(TransactionError, match="can only be rolled back"):
            await second.commit()
        await second.rollback()
    assert ("1",) == caught.value.keys
    assert {"1": 1.0} == {key: each.kilograms for key, each in store.table(Parcel).items()}


async def test_a_conflict_is_transient() -> None:
    """With a *Retry*, no change of concurrent commands is lost."""
    store = MemoryStore()
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def weigh(command: WeighParcel, uow: AsyncDepot) -> None:
        parcel = await uow.parcels.get("1")
        before = parcel.kilograms
        await pause(0.001)  # the others load the same
        parcel.weigh(before + 1.0)

    async def execute() -> None:
        retry = Retry(attempts=100, backoff=Backoff(first=0.001))
        await bus.execute(WeighParcel(), lambda: AsyncDepot(store), retry=retry)

    bus.add_listener(WeighParcel, weigh)
    async with AsyncDepot(store) as transaction:
        await transaction.uow.parcels.add(Parcel(id="1"))
        await transaction.commit()
    await together(*[execute] * 10)
    assert 10.0 == store.table(Parcel)["1"].kilograms


async def test_an_unknown_model_and_a_taken_key_are_errors_with_their_keys() -> None:
    """They are also the builtin errors that a caller expects."""
    async with AsyncDepot() as transaction:
        parcels = transaction.uow.parcels
        with pytest.raises(LookupError, match="No Parcel has the key '9'") as unknown:
            await parcels.get("9")
        await parcels.add(Parcel(id="1"))
        with pytest.raises(ValueError, match="Another Parcel has the key '1'") as duplicate:
            await parcels.add(Parcel(id="1"))
        await transaction.rollback()
    assert isinstance(unknown.value, UnknownModelError)
    assert (Parcel, "9") == (unknown.value.model_type, unknown.value.key)
    assert isinstance(duplicate.value, DuplicateModelError)
    assert (Parcel, "1") == (duplicate.value.model_type, duplicate.value.key)


async def test_models_are_listed_and_removed() -> None:
    """What was removed can be added again."""
    store = MemoryStore()
    async with AsyncDepot(store) as transaction:
        for id in ("2", "1"):
            await transaction.uow.parcels.add(Parcel(id=id))
        await transaction.commit()
    async with AsyncDepot(store) as transaction:
        parcels = transaction.uow.parcels
        first, second = await parcels.list()
        assert ("2", "1") == (first.id, second.id)
        await parcels.remove(first)
        assert [second] == await parcels.list()
        with pytest.raises(UnknownModelError):
            await parcels.remove(first)
        assert await parcels.find("2") is None
        await transaction.commit()
    assert ["1"] == [*store.table(Parcel)]


async def test_a_savepoint_gives_a_model_its_attributes_back() -> None:
    """Also one that was loaded or added before, and is still in use."""
    store = MemoryStore()
    async with AsyncDepot(store) as transaction:
        parcel = Parcel(id="1", kilograms=1.0)
        await transaction.uow.parcels.add(parcel)
        parcel.weigh(2.0)
        with pytest.raises(LookupError):
            async with transaction.uow.savepoint():
                parcel.weigh(3.0)
                raise LookupError
        assert (2.0, [ParcelWeighed(kilograms=2.0)]) == (parcel.kilograms, parcel.messages)
        await transaction.commit()
    assert 2.0 == store.table(Parcel)["1"].kilograms


class Note:
    """A model that is no class of this package, as those of an ORM."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.lines: list[str] = []
        self.messages: list[Any] = []


class AsyncNotes(AsyncMemoryUnitOfWork[AsyncMemoryRepository[Note]]):
    """A unit of work with notes."""

    notes: AsyncMemoryRepository[Note]

    def attach(self, session: MemorySession) -> None:
        """Create the repository."""
        self.notes = AsyncMemoryRepository(session, Note)


async def test_any_class_can_be_kept() -> None:
    """Its messages are handled once, and a savepoint undoes its changes."""
    store = MemoryStore()
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def write(command: WeighParcel, uow: AsyncNotes) -> None:
        note = Note("1")
        await uow.notes.add(note)
        note.messages.append(ParcelWeighed(id="1"))
        note.lines.append("kept")
        with pytest.raises(LookupError):
            async with uow.savepoint():
                note.lines.append("dropped")
                note.messages.append(ParcelWeighed(id="2"))
                raise LookupError

    bus.add_listener(WeighParcel, write)
    await bus.execute(WeighParcel(), AsyncNotes(store))
    assert [WeighParcel(), ParcelWeighed(id="1")] == store.messages
    assert ["kept"] == store.table(Note)["1"].lines
    async with AsyncNotes(store) as transaction:
        await transaction.uow.notes.get("1")
        assert [] == [*transaction.uow.collect_new_events()]
        await transaction.rollback()


async def test_a_repository_ends_with_its_transaction() -> None:
    """A write that would go nowhere is refused."""
    uow = AsyncDepot()
    async with uow as transaction:
        parcels = transaction.uow.parcels
        await transaction.rollback()
    with pytest.raises(TransactionError, match="session has ended"):
        await parcels.add(Parcel(id="1"))
    with pytest.raises(TransactionError, match="session has ended"):
        await parcels.list()


async def test_what_the_store_shows_are_copies() -> None:
    """A test that changes them changes nothing."""
    store = MemoryStore()
    async with AsyncDepot(store) as transaction:
        await transaction.uow.parcels.add(Parcel(id="1"))
        await transaction.commit()
    store.table(Parcel)["1"].weigh(9.0)
    assert 0.0 == store.table(Parcel)["1"].kilograms


async def test_a_rejected_message_is_parked_with_its_reason() -> None:
    """The store tells it apart from what was sent."""
    store = MemoryStore()
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    for id in ("1", "2"):
        await bus.execute(ParcelWeighed(id=id), AsyncDepot(store))
    transport = AsyncMemoryTransport()
    transport.fail(MessageRejectedError({}, "too heavy"))
    assert 1 == await AsyncMemoryRelay(store, transport).drain()
    first, second = store.stored.values()
    assert ("parked", "sent") == (first.state, second.state)
    assert "too heavy" in (first.reason or "")
    assert 2 == len(store.published)


async def test_an_error_while_repositories_are_made_ends_the_transaction() -> None:
    """The unit of work can be used again."""

    class AsyncBroken(AsyncDepot):
        fails = True

        def attach(self, session: MemorySession) -> None:
            super().attach(session)
            if self.fails:
                raise LookupError

    uow = AsyncBroken()
    with pytest.raises(LookupError):
        async with uow:
            pass
    uow.fails = False
    async with uow as transaction:
        await transaction.rollback()


async def test_a_consumer_in_memory_applies_each_message_once() -> None:
    """A message that is delivered again has no effect; one that cannot be handled is buried."""
    sender, receiver = MemoryStore(), MemoryStore()
    transport = AsyncMemoryTransport(deduplicate=False)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    async def weigh(event: ParcelWeighed, uow: AsyncDepot) -> None:
        parcel = await uow.parcels.find(event.id)
        if parcel is None:
            parcel = Parcel(id=event.id)
            await uow.parcels.add(parcel)
        parcel.kilograms += event.kilograms
        if event.kilograms > 100:
            raise ValueError("too heavy")

    for kilograms in (1.0, 101.0, 2.0):
        event = ParcelWeighed(kilograms=kilograms)
        await AsyncMessageBus[Any]().execute(event, AsyncDepot(sender))
    bus.add_listener(ParcelWeighed, weigh)
    assert 3 == await AsyncMemoryRelay(sender, transport).drain()
    transport.sent.append(transport.sent[0])

    consumer = AsyncInboxConsumer(
        "depot",
        AsyncMemorySource(transport, "depot"),
        bus,
        lambda: AsyncDepot(receiver),
        options=ConsumerOptions(max_attempts=2, backoff=Backoff(first=0.001)),
    )
    assert 2 == await consumer.drain()

    assert 3.0 == receiver.table(Parcel)["1"].kilograms
    [letter] = receiver.dead_letters
    assert ("depot", 2, "ValueError") == (letter.consumer, letter.attempts, letter.error_type)
    assert (1, 1) == (consumer.status().duplicates, consumer.status().retried)

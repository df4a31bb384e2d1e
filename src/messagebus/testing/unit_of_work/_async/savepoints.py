"""The rules of savepoints, and of listeners that fail in one."""

from __future__ import annotations

from typing import Any

from ....service._async.registry import AsyncMessageBus
from ...transport.outcome import expect, expecting
from ..model import Parcel, ParcelWeighed
from .harness import AsyncUnitOfWorkHarness as Harness
from .working import handle, keep, kept, weight


async def a_savepoint_is_committed_with_its_transaction(harness: Harness) -> None:
    """And rolled back with it."""
    for id, commits in (("1", True), ("2", False)):
        async with harness.uow() as transaction:
            async with transaction.uow.savepoint():
                await transaction.parcels.add(Parcel(id=id))
            await (transaction.commit() if commits else transaction.rollback())
    expect(Parcel(id="1"), await kept(harness, "1"), "what was committed")
    expect(None, await kept(harness, "2"), "what was rolled back")


async def an_error_undoes_its_savepoint_alone(harness: Harness) -> None:
    """What was added before and after it stays."""
    async with harness.uow() as transaction:
        parcels: Any = transaction.parcels
        await parcels.add(Parcel(id="1"))
        with expecting(LookupError):
            async with transaction.uow.savepoint():
                await parcels.add(Parcel(id="2"))
                raise LookupError
        await parcels.add(Parcel(id="3"))
        await transaction.commit()
    found = [await kept(harness, id) is not None for id in ("1", "2", "3")]
    expect([True, False, True], found, "what was found")


async def savepoints_nest(harness: Harness) -> None:
    """An error undoes the inner one alone, or both with the outer one."""
    async with harness.uow() as transaction:
        parcels: Any = transaction.parcels
        async with transaction.uow.savepoint():
            await parcels.add(Parcel(id="1"))
            with expecting(LookupError):
                async with transaction.uow.savepoint():
                    await parcels.add(Parcel(id="2"))
                    raise LookupError
        with expecting(LookupError):
            async with transaction.uow.savepoint():
                async with transaction.uow.savepoint():
                    await parcels.add(Parcel(id="3"))
                raise LookupError
        await transaction.commit()
    found = [await kept(harness, id) is not None for id in ("1", "2", "3")]
    expect([True, False, False], found, "what was found")


async def a_savepoint_takes_its_messages_back(harness: Harness) -> None:
    """Those that were handled in it, and those that its models have raised."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    before, inside, after = ParcelWeighed(), ParcelWeighed(), ParcelWeighed()
    async with harness.uow() as transaction:
        await bus.handle(before, transaction)
        with expecting(LookupError):
            async with transaction.uow.savepoint():
                await bus.handle(inside, transaction)
                parcel = Parcel(id="1")
                parcel.weigh(1.0)
                await transaction.parcels.add(parcel)
                raise LookupError
        await bus.handle(after, transaction)
        await transaction.commit()
    stored = [each for each, _, _ in await harness.stored()]
    expect([before.message_id, after.message_id], stored, "what is stored")


async def a_listener_that_fails_alone_leaves_a_dead_letter(harness: Harness) -> None:
    """What it has done is undone, and the rest is committed with the letter."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="isolate")
    bus.add_listener(ParcelWeighed, _fail)
    bus.add_listener(ParcelWeighed, _add)
    event = ParcelWeighed(id="1", kilograms=1.0)
    await handle(harness, event, bus=bus)
    expect(1.0, await weight(harness, "1"), "the weight by the other listener")
    expect(None, await kept(harness, "failed"), "what the listener has added")
    expect([event.message_id], [each for each, _, _ in await harness.stored()], "what is stored")
    letter = (f"listener:{__name__}._fail", event.message_id)
    expect([letter], list(await harness.dead_letters()), "the dead letters")


async def a_dead_letter_is_rolled_back_with_its_transaction(harness: Harness) -> None:
    """Then the message was not handled at all."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus(on_error="isolate")
    bus.add_listener(ParcelWeighed, _fail)
    await keep(harness, Parcel(id="1"))
    async with harness.uow() as transaction:
        await bus.handle(ParcelWeighed(), transaction)
        await transaction.rollback()
    expect([], list(await harness.dead_letters()), "the dead letters")


async def _fail(event: ParcelWeighed, uow: Any) -> None:
    await uow.parcels.add(Parcel(id="failed"))
    text = f"no {event.id}"
    raise LookupError(text)


async def _add(event: ParcelWeighed, uow: Any) -> None:
    await uow.parcels.add(Parcel(id=event.id, kilograms=event.kilograms))

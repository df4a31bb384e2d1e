"""The rules of repositories."""

from __future__ import annotations

from typing import Any

from ....domain.model import Message
from ....service._async.registry import AsyncMessageBus
from ...transport.outcome import expect, expecting
from ..model import Parcel, ParcelWeighed, WeighParcel
from .harness import AsyncUnitOfWorkHarness as Harness
from .working import handle, keep, kept, weight


async def a_model_is_found_as_it_was_added(harness: Harness) -> None:
    """Other transactions get an object of their own."""
    parcel = Parcel(id="1", kilograms=0.1)
    await keep(harness, parcel)
    found, again = await kept(harness), await kept(harness)
    expect(Parcel(id="1", kilograms=0.1), found, "what was found")
    expect(False, found is parcel or found is again, "whether it is the same object")


async def a_model_is_loaded_once_in_a_transaction(harness: Harness) -> None:
    """A listener gets the object that an earlier one has changed or added."""
    await keep(harness, Parcel(id="1"))
    async with harness.uow() as transaction:
        parcels: Any = transaction.parcels
        added = Parcel(id="2")
        await parcels.add(added)
        expect(True, await parcels.find("2") is added, "whether it is what was added")
        first = await parcels.find("1")
        expect(True, await parcels.find("1") is first, "whether it is what was found")
        await transaction.rollback()


async def a_change_of_a_model_is_written_with_the_commit(harness: Harness) -> None:
    """Whether it was loaded or added."""
    await keep(harness, Parcel(id="1"))
    async with harness.uow() as transaction:
        parcels: Any = transaction.parcels
        added = Parcel(id="2")
        await parcels.add(added)
        for parcel in (added, await parcels.find("1")):
            parcel.weigh(3.0)
        await transaction.commit()
        added.kilograms = 4.0  # too late
    expect([3.0, 3.0], [await weight(harness, id) for id in ("1", "2")], "the weights")


async def an_id_is_taken_once(harness: Harness) -> None:
    """A second model with it is refused, in the same transaction and in another one."""
    with expecting(Exception):
        await keep(harness, Parcel(id="1"), Parcel(id="1"))
    await keep(harness, Parcel(id="1", kilograms=1.0))
    with expecting(Exception):
        await keep(harness, Parcel(id="1", kilograms=2.0))
    expect(1.0, await weight(harness), "the weight of the first")


async def what_is_not_there_is_not_found(harness: Harness) -> None:
    """It is None, not an error."""
    expect(None, await kept(harness, "9"), "what was found")


async def models_that_were_added_or_found_raise_messages(harness: Harness) -> None:
    """The bus handles them in the transaction of the command."""
    await keep(harness, Parcel(id="1"))
    heard: list[str] = []

    async def weigh(command: WeighParcel, uow: Any) -> None:  # noqa: ARG001
        (await uow.parcels.find("1")).weigh(1.0)
        added = Parcel(id="2")
        added.weigh(2.0)
        await uow.parcels.add(added)

    async def hear(event: ParcelWeighed, uow: Any) -> None:  # noqa: ARG001
        heard.append(event.id)

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(WeighParcel, weigh)
    bus.add_listener(ParcelWeighed, hear)
    await handle(harness, WeighParcel(), bus=bus)
    expect(["1", "2"], heard, "what was heard")


async def a_rollback_drops_what_models_have_raised(harness: Harness) -> None:
    """It is handled neither then nor by the next transaction."""
    await keep(harness, Parcel(id="1"))
    uow: Any = harness.uow()
    async with uow as transaction:
        (await uow.parcels.find("1")).weigh(1.0)
        await transaction.rollback()
    async with uow as transaction:
        await uow.parcels.find("1")
        left: list[Message[Any]] = [*uow.collect_new_events()]
        expect([], left, "what was raised")
        await transaction.rollback()

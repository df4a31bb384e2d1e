"""A message that some database would change is refused on all of them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import ConfigDict

from messagebus import AsyncMessageBus, Event, MessageBusError, Metadata
from messagebus.adapters.sqlalchemy import AsyncMessageHistory
from messagebus.exceptions import DuplicateMessageError, UnstorableMessageError
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, stored, stored_titles
from tests.library import BookBorrowed, RegisterBook
from tests.running.aio import AsyncEngine


class Labelled(Metadata):
    """Metadata with a label of any kind."""

    label: Any = None


class Measured(Event):
    """Carries anything."""

    value: Any = None
    metadata: Labelled = Labelled(name="measured", schema_version=1)


class Tolerant(Event):
    """Writes numbers that are not finite as strings."""

    model_config = ConfigDict(ser_json_inf_nan="strings")

    value: float
    metadata: Metadata = Metadata(name="tolerant", schema_version=1)


class Constant(Event):
    """Writes numbers that are not finite as constants, which are not JSON."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    value: float
    metadata: Metadata = Metadata(name="constant", schema_version=1)


def labelled(label: Any) -> Measured:
    """Return a message whose metadata have a label."""
    return Measured(metadata=Labelled(name="measured", schema_version=1, label=label))


def named(name: str, schema_version: int = 1) -> Measured:
    """Return a message of any name and version."""
    return Measured(metadata=Labelled(name=name, schema_version=schema_version))


REFUSED = {
    "NaN": Measured(value=math.nan),
    "infinity in a list": Measured(value=[1.0, math.inf]),
    "NaN that is written as it is": Constant(value=math.nan),
    "half a character": Measured(value="\ud800"),
    "an object that is no data": Measured(value=object()),
    "a NUL in the name": named("a\0b"),
    "half a character in the name": named("\ud800"),
    "a version beyond all bounds": named("measured", 2**70),
    "a version below zero": named("measured", -1),
    "a NUL in the metadata": labelled("a\0b"),
    "a NUL in a key of the metadata": labelled({"a\0b": 1}),
    "NaN in the metadata": labelled([math.nan]),
    "half a character in the metadata": labelled(["\udfff"]),
    "an object in the metadata": labelled(object()),
    "a time without a zone": Measured().model_copy(update={"created_at": datetime(2020, 1, 1)}),
}

KEPT = {
    "a NUL": "a\0b",
    "2**70": 2**70,
    "a small number": 5e-324,
    "the largest number": 1.7976931348623157e308,
    "text that looks like NaN": ["NaN", "Infinity", "null", None],
    "ten megabytes": "x" * 10_000_000,
    "all kinds of characters": "ℵ ü \u2028 🐍 \x7f \\u0000 \\ \"'`;--",
    "nothing": {},
}


@pytest.mark.parametrize("message", REFUSED.values(), ids=REFUSED.keys())
async def test_a_message_that_would_change_is_refused_and_the_transaction_rolled_back(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves, message: Event
) -> None:
    """The error names the message and the reason, and nothing of the transaction is kept."""
    with pytest.raises(UnstorableMessageError) as caught:
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await bus.handle(message, transaction)
            await transaction.commit()

    assert caught.value.message is message
    assert isinstance(caught.value, MessageBusError)
    assert isinstance(caught.value, ValueError)
    assert ([], []) == (await stored_titles(engine), await stored(engine))


@pytest.mark.parametrize("value", KEPT.values(), ids=KEPT.keys())
async def test_a_message_that_is_kept_comes_back_as_it_was(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves, value: object
) -> None:
    """Whatever JSON can say returns from every database as it went in."""
    event = Measured(value=value)
    async with uow as transaction:
        await bus.handle(event, transaction)
        await transaction.commit()

    [read] = [each async for each in AsyncMessageHistory(engine).messages([Measured])]
    assert event == read
    assert event.message_id == read.message_id


async def test_a_number_that_is_not_finite_may_be_written_as_text(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """A class that says so has its NaN stored, and gets it back."""
    async with uow as transaction:
        await bus.handle(Tolerant(value=math.nan), transaction)
        await transaction.commit()

    [read] = [each async for each in AsyncMessageHistory(engine).messages([Tolerant])]
    assert isinstance(read, Tolerant)
    assert math.isnan(read.value)


async def test_a_message_is_handled_once_in_a_transaction(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """The second time, the message is refused at once."""
    event = BookBorrowed()
    with pytest.raises(DuplicateMessageError) as caught:
        async with uow as transaction:
            await bus.handle(event, transaction)
            await bus.handle(event, transaction)

    assert (event.message_id,) == caught.value.message_ids
    assert [] == await stored(engine)


async def test_a_message_that_is_stored_already_is_refused_by_the_commit(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """The error names the message that is there already, and nothing else is kept."""
    event = BookBorrowed()
    async with uow as transaction:
        await bus.handle(event, transaction)
        await transaction.commit()
    with pytest.raises(DuplicateMessageError) as caught:
        async with uow as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await bus.handle(event, transaction)
            await transaction.commit()

    assert (event.message_id,) == caught.value.message_ids
    assert isinstance(caught.value, MessageBusError)
    assert [] == await stored_titles(engine)
    assert [event.message_id] == [record.message_id for record in await stored(engine)]


async def test_two_transactions_cannot_both_store_a_message(
    engine: AsyncEngine, bus: AsyncMessageBus[Any]
) -> None:
    """Identifiers are unique over all transactions, also those made by hand."""
    known = UUID(int=7)
    outcomes: list[object] = []
    for number in range(2):
        try:
            async with AsyncShelves(engine) as transaction:
                await bus.handle(BookBorrowed(id=str(number), message_id=known), transaction)
                await transaction.commit()
            outcomes.append("stored")
        except DuplicateMessageError as error:
            outcomes.append(error.message_ids)

    assert ["stored", (known,)] == outcomes

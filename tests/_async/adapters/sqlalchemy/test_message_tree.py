"""The tree of what a message has caused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from messagebus import ConfigurationError
from messagebus.adapters.sqlalchemy import AsyncMessageHistory, MessageTree, tables
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, new_bus, publish, stored
from tests.library import RegisterBook
from tests.running.aio import AsyncEngine


def row(number: int, cause: int | None, first: int = 1, **values: Any) -> dict[str, Any]:
    """Return the row of a message that another one caused."""
    return {
        "message_id": UUID(int=number),
        "created_at": datetime(2026, 11, 27, tzinfo=UTC),
        "name": f"event_{number}",
        "schema_version": 1,
        "kind": "event",
        "metadata": {},
        "payload": "{}",
        "published": False,
        "state": None,
        "attempts": 0,
        "reason": None,
        "causation_id": None if cause is None else UUID(int=cause),
        "correlation_id": UUID(int=first),
        **values,
    }


async def insert(engine: AsyncEngine, *rows: dict[str, Any]) -> None:
    """Store rows as no bus would write them."""
    async with engine.begin() as connection:
        await connection.execute(sa.insert(tables.messages), [*rows])


def drawn(tree: MessageTree) -> list[str]:
    """Return the numbers of messages, indented, with the reason of those that are loose."""
    return [
        "  " * each.depth + f"{each.message_id.int}{f' {each.loose}' if each.loose else ''}"
        for each in tree.messages
    ]


async def test_the_tree_of_a_command_holds_all_that_it_caused(engine: AsyncEngine) -> None:
    """The command, the event that it raised, and what the listener of that raised."""
    command = RegisterBook(id="1", title="Emma")
    bus = new_bus()
    async with AsyncShelves(engine) as transaction:
        await bus.handle(command, transaction)
        await bus.handle(RegisterBook(id="2", title="Persuasion"), transaction)
        await transaction.commit()

    tree = await AsyncMessageHistory(engine).tree(command.message_id)

    names = ["register_book", "book_registered", "shelf_counted"]
    assert [*enumerate(names)] == [(each.depth, each.name) for each in tree.messages]
    records = {record.message_id: record for record in await stored(engine)}
    for each in tree.messages:
        record = records[each.message_id]
        shared = [name for name in each.__dataclass_fields__ if name not in ("depth", "loose")]
        assert [getattr(record, name) for name in shared] == [
            getattr(each, name) for name in shared
        ]
    assert tree.complete


async def test_the_tree_of_an_inner_message_holds_what_that_one_caused(
    engine: AsyncEngine,
) -> None:
    """Its siblings and its cause are left out."""
    await insert(engine, row(1, None), row(2, 1), row(3, 1), row(4, 2), row(5, 3))

    history = AsyncMessageHistory(engine)
    assert ["1", "  2", "    4", "  3", "    5"] == drawn(await history.tree(UUID(int=1)))
    assert ["2", "  4"] == drawn(await history.tree(UUID(int=2)))


async def test_a_cascade_whose_first_message_is_gone_has_several_tops(
    engine: AsyncEngine,
) -> None:
    """Each says that its cause is missing."""
    await insert(engine, row(2, 1), row(3, 2), row(4, 1), row(5, 99))

    tree = await AsyncMessageHistory(engine).tree(UUID(int=1))

    assert ["2 missing", "  3", "4 missing", "5 missing"] == drawn(tree)


async def test_messages_that_caused_each_other_are_shown_once(engine: AsyncEngine) -> None:
    """No bus stores such messages, but a repaired table may hold them."""
    await insert(engine, row(1, None), row(2, 3), row(3, 2), row(4, 3), row(5, 5), row(6, 1))

    tree = await AsyncMessageHistory(engine).tree(UUID(int=1))

    assert ["1", "  6", "2 cycle", "  3", "    4", "5 cycle"] == drawn(tree)


async def test_a_message_that_caused_itself_is_its_own_tree(engine: AsyncEngine) -> None:
    """It is neither repeated nor left out, as the first of a cascade or inside of one."""
    await insert(engine, row(1, 1), row(2, 2, first=9))

    history = AsyncMessageHistory(engine)
    assert ["1 cycle"] == drawn(await history.tree(UUID(int=1)))
    assert ["2"] == drawn(await history.tree(UUID(int=2)))


@pytest.mark.slow
@pytest.mark.parametrize("page_size", [1, 7, 5_000])
async def test_a_chain_of_thousands_is_read_in_pages(engine: AsyncEngine, page_size: int) -> None:
    """It is deeper than Python's stack; the limit cuts it off and says so."""
    chain = [row(number, number - 1 or None) for number in range(1, 3_001)]
    await insert(engine, *chain)
    history = AsyncMessageHistory(engine, page_size=page_size)

    if page_size > 1:
        tree = await history.tree(UUID(int=1), limit=3_000)
        assert [*range(3_000)] == [each.depth for each in tree.messages]
        assert tree.complete
    for limit in (1, 7, 8):
        tree = await history.tree(UUID(int=1), limit=limit)
        assert [*range(limit)] == [each.depth for each in tree.messages]
        assert not tree.complete


async def test_the_tree_of_what_is_not_stored_is_empty(engine: AsyncEngine) -> None:
    """As is that of an event which caused nothing but itself."""
    (event,) = await publish(engine, "1")
    history = AsyncMessageHistory(engine)

    assert ([], True) == await history.tree(uuid4())
    (only,) = (await history.tree(event.message_id)).messages
    assert ("pending", 0, None) == (only.state, only.depth, only.loose)


async def test_a_tree_needs_a_positive_limit(engine: AsyncEngine) -> None:
    """A limit of zero would hide that there is something."""
    with pytest.raises(ConfigurationError, match="limit must be a whole number"):
        await AsyncMessageHistory(engine).tree(uuid4(), limit=0)

"""The inbox: marks, attempts and dead letters in the transaction of the data."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from messagebus import TransactionError
from messagebus.adapters.sqlalchemy import async_create_tables, tables
from messagebus.exceptions import MissingTableError
from messagebus.inbox.dead_letter import DeadLetter
from messagebus.inbox.delivery import Delivery
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves
from tests.running.aio import (
    AsyncEngine,
    background,
    eventually,
    new_engine,
    pause,
    together,
)

CONSUMER = "billing"
IDS = sorted(uuid4() for _ in range(5))
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


async def mark(engine: AsyncEngine, *ids: UUID, consumer: str = CONSUMER) -> set[UUID]:
    """Mark messages in a transaction of their own; return the new ones."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        new = await uow.inbox.mark(consumer, ids)
        await transaction.commit()
    return new


async def rows(engine: AsyncEngine, table: sa.Table) -> list[Any]:
    """Return the rows of a table."""
    async with engine.connect() as connection:
        return list((await connection.execute(sa.select(table))).all())


async def age(engine: AsyncEngine, column: sa.Column[Any], *ids: UUID, days: int) -> None:
    """Let rows be older than they are."""
    async with engine.begin() as connection:
        table = column.table
        found = (
            await connection.execute(sa.select(table).where(table.c.message_id.in_(ids)))
        ).all()
        for row in found:
            old = getattr(row, column.name) - timedelta(days=days)
            which = table.c.message_id == row.message_id
            await connection.execute(sa.update(table).where(which).values({column.name: old}))


def letter(id: UUID = IDS[0], wire: dict[str, Any] | None = None, **changes: Any) -> DeadLetter:
    """Return a dead letter."""
    delivery = Delivery(wire, b"\0\xff{", {"a": "b\0"}, "redis shop 1-0")
    values: dict[str, Any] = {
        "attempts": 5,
        "error_type": "ValueError",
        "error": "no\0 \ud800",
        "traceback": "Traceback",
    }
    return DeadLetter(CONSUMER, id, delivery, **(values | changes))


async def bury(engine: AsyncEngine, *letters: DeadLetter) -> None:
    """Bury dead letters."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        for each in letters:
            await uow.inbox.bury(each)
        await transaction.commit()


async def test_a_mark_is_new_once(engine: AsyncEngine) -> None:
    """Those that were marked before are not returned, nor is one twice in a batch."""
    assert set(IDS[:2]) == await mark(engine, *IDS[:2], IDS[0])
    assert set(IDS[2:]) == await mark(engine, *IDS)
    assert set() == await mark(engine, *IDS)
    assert set() == await mark(engine)


async def test_each_consumer_has_marks_of_its_own(engine: AsyncEngine) -> None:
    """What one has handled is new to another one."""
    await mark(engine, *IDS)
    assert set(IDS) == await mark(engine, *IDS, consumer="shipping")


async def test_a_mark_lasts_if_its_transaction_does(engine: AsyncEngine) -> None:
    """A rollback takes it back, together with the data."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        assert set(IDS) == await uow.inbox.mark(CONSUMER, IDS)
        await transaction.rollback()
    assert set(IDS) == await mark(engine, *IDS)


@pytest.mark.parametrize("commits", [True, False])
async def test_a_second_transaction_waits_for_the_first(engine: AsyncEngine, commits: bool) -> None:
    """Its rollback makes the messages new to the second one; its commit makes them done."""
    first, found = AsyncShelves(engine), list[set[UUID]]()

    async def second() -> None:
        found.append(await mark(engine, *IDS))

    async def second_waits() -> bool:
        if engine.dialect.name != "postgresql":
            await pause(0.05)
            return True
        text = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with engine.connect() as connection:
            return bool(await connection.scalar(sa.text(text)))

    async with first as transaction:
        await first.inbox.mark(CONSUMER, IDS)
        async with background(second, lambda: None):
            await eventually(second_waits)
            assert not found
            await (transaction.commit() if commits else transaction.rollback())
    assert [set() if commits else set(IDS)] == found


async def test_opposite_orders_do_not_deadlock(engine: AsyncEngine) -> None:
    """Identities are sorted, so that transactions wait for each other in one order."""
    ids = [uuid4() for _ in range(300)]

    async def shuffled() -> set[UUID]:
        return await mark(engine, *random.sample(ids, len(ids)))

    found = await together(*[shuffled] * 4)
    assert [0, 0, 0, len(ids)] == sorted(map(len, found))


async def test_the_statement_does_not_depend_on_the_batch(engine: AsyncEngine) -> None:
    """One text for one message and for many: nothing is compiled or planned anew."""
    texts = list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if any(name in statement for name in ("inbox", "attempts", "arrivals")):
            texts.append(statement)

    await mark(engine, uuid4())  # the first use looks for the tables
    sa.event.listen(getattr(engine, "sync_engine", engine), "before_cursor_execute", note)
    for count in (1, 3, 200):
        uow = AsyncShelves(engine)
        async with uow as transaction:
            ids = [uuid4() for _ in range(count)]
            await uow.inbox.mark(CONSUMER, ids)
            assert set(ids) == await uow.inbox.marked(CONSUMER, ids)
            await uow.inbox.forget(CONSUMER, ids)
            await uow.inbox.note(CONSUMER, {"kafka shop 0": range(count)})
            await transaction.commit()
    assert 12 == len(texts)
    assert 4 == len(set(texts))


async def note(engine: AsyncEngine, held: dict[str, range]) -> dict[str, range]:
    """Note offsets in a transaction of their own; return those that were noted before."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        before = await uow.inbox.note(CONSUMER, held)
        await transaction.commit()
    return {log: each for log, each in before.items() if each}


async def test_noted_offsets_are_returned_once_they_are_replaced(engine: AsyncEngine) -> None:
    """One row for each log and consumer, however often they change."""
    first = {"kafka shop 1": range(2**40, 2**41), "kafka shop 0": range(7)}
    assert {} == await note(engine, first)
    assert first == await note(engine, {"kafka shop 0": range(7, 9), "kafka shop 1": range(0)})
    assert {"kafka shop 0": range(7, 9)} == await note(engine, first)
    assert 2 == len(await rows(engine, tables.arrivals))


async def test_logs_in_opposite_orders_do_not_deadlock(engine: AsyncEngine) -> None:
    """They are sorted, so that transactions wait for each other in one order."""
    logs = [f"kafka shop {number}" for number in range(100)]

    async def shuffled() -> dict[str, range]:
        return await note(engine, dict.fromkeys(random.sample(logs, len(logs)), range(5)))

    found = await together(*[shuffled] * 4)
    assert [0, 100, 100, 100] == sorted(map(len, found))


async def test_attempts_are_counted_from_the_second(engine: AsyncEngine) -> None:
    """Only a message that may have been attempted before is counted."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        assert [2, 3] == [await uow.inbox.begin_attempt(CONSUMER, IDS[0]) for _ in "12"]
        assert 2 == await uow.inbox.begin_attempt(CONSUMER, IDS[1])
        assert 2 == await uow.inbox.begin_attempt("shipping", IDS[0])
        await uow.inbox.forget(CONSUMER, IDS)
        assert 2 == await uow.inbox.begin_attempt(CONSUMER, IDS[0])
        await transaction.commit()


async def test_a_dead_letter_is_kept_once(engine: AsyncEngine) -> None:
    """It is marked and its attempts are forgotten; burying it again changes nothing."""
    wire = {
        "id": str(IDS[0]),
        "created_at": "2026-11-26T20:00:00+01:00",
        "type": "book_lent_v1",
        "payload": "{}",
        "ordering_key": "shelf 1",
        "odd": b"\xff",
    }
    uow = AsyncShelves(engine)
    async with uow as transaction:
        await uow.inbox.begin_attempt(CONSUMER, IDS[0])
        await uow.inbox.bury(letter(wire=wire))
        await uow.inbox.bury(letter(attempts=9))
        await transaction.commit()

    (row,) = await rows(engine, tables.dead_letters)
    assert (CONSUMER, IDS[0], 5) == (row.consumer, row.message_id, row.attempts)
    assert wire | {"odd": r"b'\xff'"} == row.message
    assert (b"\0\xff{", {"a": "b\0"}) == (row.body, row.headers)
    assert ("book_lent_v1", "shelf 1") == (row.type, row.ordering_key)
    assert datetime(2026, 11, 26, 19, tzinfo=UTC) == row.created_at.astimezone(UTC)
    assert r"no\0 \ud800" == row.error
    assert [] == await rows(engine, tables.attempts)
    assert set(IDS[1:]) == await mark(engine, *IDS)


@pytest.mark.parametrize(
    "wire",
    [None, {}, {"type": 3, "created_at": "yesterday"}, {"created_at": "0001-01-01T00:00+14:00"}],
)
async def test_whatever_came_can_be_buried(
    engine: AsyncEngine, wire: dict[str, Any] | None
) -> None:
    """What cannot be read of a message is left out of its dead letter."""
    await bury(engine, letter(wire=wire, traceback=None))
    (row,) = await rows(engine, tables.dead_letters)
    assert (wire, None, None, None) == (row.message, row.type, row.created_at, row.traceback)


async def test_the_keys_of_dead_letters_are_known(engine: AsyncEngine) -> None:
    """Those of one consumer, with None for messages without a key."""
    wires = [{}, {"ordering_key": "1"}, {"ordering_key": "1"}, {"ordering_key": "2"}]
    await bury(engine, *(letter(id, wire) for id, wire in zip(IDS, wires, strict=False)))
    uow = AsyncShelves(engine)
    async with uow as transaction:
        assert {None, "1", "2"} == await uow.inbox.buried_keys(CONSUMER)
        assert set() == await uow.inbox.buried_keys("shipping")
        await transaction.rollback()


async def test_old_marks_are_deleted_in_batches(engine: AsyncEngine) -> None:
    """No batch exceeds the limit, and what is young or of another consumer stays."""
    await mark(engine, *IDS)
    await mark(engine, *IDS, consumer="shipping")
    uow = AsyncShelves(engine)
    async with uow as transaction:
        await uow.inbox.begin_attempt(CONSUMER, IDS[0])
        await transaction.commit()
    await age(engine, tables.inbox.c.received_at, *IDS[:4], days=8)
    await age(engine, tables.attempts.c.last_at, *IDS[:1], days=8)

    deleted = []
    for _ in range(3):
        async with uow as transaction:
            deleted.append(await uow.inbox.prune(CONSUMER, WEEK, 3))
            await transaction.commit()
    assert [3, 2, 0] == deleted
    assert [] == await rows(engine, tables.attempts)
    assert set(IDS[:4]) == await mark(engine, *IDS)
    assert set() == await mark(engine, *IDS, consumer="shipping")


async def test_the_mark_of_a_dead_letter_stays(engine: AsyncEngine) -> None:
    """Without it, the original might come again and be handled beside the letter."""
    await bury(engine, letter())
    await age(engine, tables.inbox.c.received_at, IDS[0], days=8)
    uow = AsyncShelves(engine)
    async with uow as transaction:
        assert 0 == await uow.inbox.prune(CONSUMER, WEEK, 3)
        await transaction.commit()


async def share(engine: AsyncEngine, member: str, partitions: int = 8) -> list[int]:
    """Renew the share of a process."""
    uow = AsyncShelves(engine)
    async with uow as transaction:
        held = await uow.inbox.share(CONSUMER, member, partitions, MINUTE)
        await transaction.commit()
    return sorted(held)


async def turn_back(engine: AsyncEngine, *names: str, **shift: float) -> None:
    """Set back the times of members, or all of them, as if the clock had gone on since."""
    members = tables.members
    async with engine.begin() as connection:
        found = (await connection.execute(sa.select(members))).all()
        for row in found:
            if row.expires_at is not None and row.holder in (names or {row.holder}):
                times = {
                    "renewed_at": row.renewed_at - timedelta(**shift),
                    "expires_at": row.expires_at - timedelta(**shift),
                }
                which = members.c.subject == row.subject
                await connection.execute(sa.update(members).where(which).values(times))


async def test_partitions_are_shared_fairly(engine: AsyncEngine) -> None:
    """A member gives up its surplus, and another one takes it; none is held twice."""
    assert list(range(8)) == await share(engine, "a")
    assert [] == await share(engine, "b")
    assert [0, 1, 2, 3] == await share(engine, "a")
    assert [4, 5, 6, 7] == await share(engine, "b")
    assert [0, 1, 2, 3] == await share(engine, "a")


async def test_the_partitions_of_the_dead_are_taken(engine: AsyncEngine) -> None:
    """As soon as they have not renewed for the time of their lease."""
    for member in "abab":
        await share(engine, member)
    await turn_back(engine, "a", seconds=50)
    assert [4, 5, 6, 7] == await share(engine, "b")
    await turn_back(engine, "a", seconds=11)
    assert list(range(8)) == await share(engine, "b")
    assert [] == await share(engine, "a")


async def test_a_member_that_leaves_frees_its_partitions(engine: AsyncEngine) -> None:
    """At once, without the end of its lease."""
    for member in "abab":
        await share(engine, member)
    uow = AsyncShelves(engine)
    async with uow as transaction:
        await uow.inbox.leave(CONSUMER, "a")
        await transaction.commit()
    assert list(range(8)) == await share(engine, "b")


async def test_a_clock_that_is_set_back_keeps_no_partition(engine: AsyncEngine) -> None:
    """A member that has renewed in the future has done so now at the latest."""
    for member in "abab":
        await share(engine, member)
    await turn_back(engine, hours=-5)
    assert [4, 5, 6, 7] == await share(engine, "b")
    await turn_back(engine, "a", seconds=61)
    assert list(range(8)) == await share(engine, "b")


async def test_a_smaller_number_of_partitions_is_shared_anew(engine: AsyncEngine) -> None:
    """Rows of partitions that there are no longer are deleted."""
    await share(engine, "a")
    assert [0, 1] == await share(engine, "a", 2)
    assert {"member:a", "partition:0", "partition:1"} == {
        row.subject for row in await rows(engine, tables.members)
    }


async def test_members_that_share_at_once_hold_nothing_twice(engine: AsyncEngine) -> None:
    """And after a few rounds, each holds its share of everything."""
    names = ["a", "b", "c"]

    async def all_share() -> list[list[int]]:
        return await together(*[lambda name=name: share(engine, name) for name in names])

    for _ in range(3):
        await all_share()
    held = await all_share()
    assert list(range(8)) == sorted(chain(*held))
    assert [2, 3, 3] == sorted(map(len, held))


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_a_stricter_isolation_level_repeats_what_it_must(
    postgres_url: str, level: str
) -> None:
    """A transaction that began before another one shared out fails in a way that may pass."""
    strict = new_engine(postgres_url, isolation_level=level)
    await async_create_tables(strict)
    await share(strict, "a")
    uow = AsyncShelves(strict)
    for call in ("mark", "share"):
        failure: BaseException | None = None
        try:
            async with uow as transaction:
                await uow.session.execute(sa.text("SELECT count(*) FROM messagebus_messages"))
                if call == "mark":
                    await mark(strict, *IDS)
                    await uow.inbox.mark(CONSUMER, IDS)
                else:
                    await share(strict, "a")
                    await uow.inbox.share(CONSUMER, "a", 8, MINUTE)
                await transaction.rollback()
        except Exception as error:  # noqa: BLE001
            failure = error
        assert failure is not None
        assert uow.inbox.may_pass(failure)
    await strict.dispose()


class ServerError(Exception):
    """The error of a driver."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def of_server(code: str | None) -> OperationalError:
    """Return the error of a statement."""
    return OperationalError("UPDATE", {}, ServerError(code))


def caused(by: BaseException) -> Exception:
    """Return an error of the application that was raised from another one."""
    error = ValueError("no stock")
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (of_server("40P01"), True),
        (of_server("40001"), True),
        (of_server("55P03"), True),
        (of_server("57P01"), True),
        (of_server("53100"), True),
        (of_server(None), True),
        (PoolTimeoutError("no connection"), True),
        (caused(of_server("40P01")), True),
        (ExceptionGroup("two", [ValueError(), caused(of_server("40P01"))]), True),
        (of_server("57014"), False),  # it took too long
        (of_server("25P03"), False),
        (of_server("XX000"), False),
        (IntegrityError("INSERT", {}, ServerError("23505")), False),
        (ProgrammingError("SELECT", {}, ServerError("42P01")), False),
        (ConnectionRefusedError("the payment provider"), False),
        (TimeoutError(), False),
        (ValueError(), False),
        (caused(ValueError()), False),
    ],
)
async def test_only_errors_of_the_database_may_pass(failure: Exception, expected: bool) -> None:
    """Those of other systems, and those that the message may cause itself, count an attempt."""
    inbox = AsyncShelves(new_engine("postgresql+psycopg://localhost/none")).inbox
    assert expected is inbox.may_pass(failure)


async def test_a_database_that_is_away_may_come_back() -> None:
    """No attempt is counted while nobody can connect."""
    uow = AsyncShelves(new_engine("postgresql+psycopg://u@127.0.0.1:1/none"))
    failure: BaseException | None = None
    try:
        async with uow:
            await uow.inbox.mark(CONSUMER, IDS)
    except Exception as error:  # noqa: BLE001
        failure = error
    assert failure is not None
    assert uow.inbox.may_pass(failure)


async def test_the_inbox_needs_a_running_transaction(engine: AsyncEngine) -> None:
    """Before and after it, there is nothing to write in."""
    uow = AsyncShelves(engine)
    with pytest.raises(TransactionError, match="running transaction"):
        await uow.inbox.mark(CONSUMER, IDS)
    async with uow as transaction:
        await transaction.commit()
        with pytest.raises(TransactionError, match="running transaction"):
            await uow.inbox.mark(CONSUMER, IDS)


async def test_an_inbox_without_its_tables_says_so(database_url: str) -> None:
    """The error names the table, and what creates it."""
    engine = new_engine(database_url)
    uow = AsyncShelves(engine)
    async with uow as transaction:
        with pytest.raises(MissingTableError, match="messagebus_messages"):
            await uow.inbox.mark(CONSUMER, IDS)
        await transaction.rollback()
    await engine.dispose()

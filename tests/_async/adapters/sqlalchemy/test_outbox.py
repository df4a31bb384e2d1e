"""The inspection and repair of an outbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from messagebus.adapters.sqlalchemy import (
    AsyncMessageHistory,
    AsyncOutbox,
    AsyncOutboxRelay,
    Backlog,
    MessageFilter,
    Selected,
    tables,
)
from messagebus.exceptions import ConfigurationError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, new_bus, publish, stored
from tests.library import BookBorrowed, RegisterBook
from tests.running.aio import AsyncEngine, new_engine, together


@pytest.fixture
def outbox(engine: AsyncEngine) -> AsyncOutbox:
    """Return the outbox of the database."""
    return AsyncOutbox(engine)


async def give_up(engine: AsyncEngine, *ids: str) -> None:
    """Publish messages that the broker refuses, so that they are parked."""
    transport = AsyncRecorder()
    events = await publish(engine, *ids)
    transport.poison = {str(event.message_id): RuntimeError(str(event)) for event in events}
    await AsyncOutboxRelay(engine, transport, max_attempts=1).drain()


async def test_an_empty_outbox_has_no_backlog_and_no_leader(outbox: AsyncOutbox) -> None:
    """A new outbox is empty."""
    assert Backlog(0, None, 0, 0) == await outbox.backlog(count_sent=True)
    assert None is await outbox.leader()
    assert [] == await outbox.list()


async def test_the_backlog_counts_what_is_pending_parked_and_sent(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """Each published message is in one of the counts, private ones are in none."""
    await give_up(engine, "1", "2")
    await publish(engine, "3", "4", "5")
    await AsyncOutboxRelay(engine, transport).drain()
    await publish(engine, "6")
    async with AsyncShelves(engine) as transaction:
        await new_bus().handle(RegisterBook(id="7"), transaction)
        await transaction.commit()

    backlog = await outbox.backlog(count_sent=True)
    assert (2, 2, 3) == (backlog.pending, backlog.parked, backlog.sent)
    assert None is (await outbox.backlog()).sent


async def test_the_age_of_the_backlog_is_that_of_its_first_message(
    engine: AsyncEngine, outbox: AsyncOutbox
) -> None:
    """The age is in seconds, and never below zero."""
    events = await publish(engine, "1", "2")
    for ago, lower, upper in ((3600, 3599, 7200), (-3600, 0, 0)):
        async with engine.begin() as connection:
            created_at = tables.messages.c.created_at
            await connection.execute(
                sa.update(tables.messages)
                .where(tables.messages.c.message_id == events[0].message_id)
                .values({created_at: events[0].created_at - timedelta(seconds=ago)})
            )
        age = (await outbox.backlog()).oldest_age
        assert age is not None
        assert lower <= age <= upper


async def test_messages_are_listed_by_state_and_page(
    engine: AsyncEngine, outbox: AsyncOutbox
) -> None:
    """A list begins after a position, and has a limit."""
    await give_up(engine, *"12345")
    everything = await outbox.list("parked")

    page = await outbox.list("parked", after=everything[0].position, limit=2)

    assert everything[1:3] == page
    assert [] == await outbox.list("pending")
    assert [] == await outbox.list(None)


async def test_a_list_is_read_before_its_connection_is_given_back(
    engine: AsyncEngine, database_url: str
) -> None:
    """A connection that its pool closes, or gives to another thread, is not read any more."""
    events = await publish(engine, "1", "2")
    unpooled = new_engine(database_url, poolclass=NullPool)

    assert [event.message_id for event in events] == [
        record.message_id for record in await AsyncOutbox(unpooled).list("pending")
    ]
    await unpooled.dispose()


async def test_a_list_ends_before_a_position(engine: AsyncEngine, outbox: AsyncOutbox) -> None:
    """The newest messages before a position come first, down to the one after which it begins."""
    await publish(engine, "1", "2", "3", "4")
    everything = [record.position for record in await outbox.list("pending")]

    async def positions(**page: Any) -> list[int]:
        return [record.position for record in await outbox.list("pending", **page)]

    assert everything[::-1] == await positions(before=everything[-1] + 1)
    assert [everything[2], everything[1]] == await positions(before=everything[3], limit=2)
    assert [everything[2]] == await positions(before=everything[3], after=everything[1])


async def test_a_message_is_shown_as_it_is_stored(engine: AsyncEngine, outbox: AsyncOutbox) -> None:
    """All that is known of one message, or None."""
    [event] = await publish(engine, "1")

    assert (await stored(engine))[0] == await outbox.get(event.message_id)
    assert None is await outbox.get(uuid4())


async def test_a_parked_message_is_edited_and_sent_as_it_is_then(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """The new payload is sent once the message is replayed; the first one is kept beside it."""
    await give_up(engine, "1")
    (before,) = await outbox.list()
    for payload in ('{"id":"2"}', '{"id":"3"}'):
        edited = await outbox.edit(before.message_id, payload)

    assert edited == await outbox.get(before.message_id)
    assert edited is not None
    assert ('{"id":"3"}', before.payload, "parked") == (
        edited.payload,
        edited.original,
        edited.state,
    )
    assert None is before.original
    await AsyncOutboxRelay(engine, transport).drain()
    assert [] == transport.sent
    await outbox.replay([before.message_id])
    await AsyncOutboxRelay(engine, transport).drain()
    (wire,) = transport.sent
    assert (str(before.message_id), '{"id":"3"}') == (wire["id"], wire["payload"])
    (message,) = [each async for each in AsyncMessageHistory(engine).messages([BookBorrowed])]
    assert BookBorrowed(id="3").metadata == message.metadata
    assert {"id": "3"} == message.model_dump(include={"id"})


async def test_what_was_sent_or_may_be_in_flight_is_not_edited(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """Only a parked or discarded message is edited, since no relay touches it."""
    (sent,) = await publish(engine, "1")
    await AsyncOutboxRelay(engine, transport).drain()
    (pending,) = await publish(engine, "2")

    for message_id in (sent.message_id, pending.message_id, uuid4()):
        assert None is await outbox.edit(message_id, "{}")
    await give_up(engine, "3")
    (parked,) = await outbox.list()
    await outbox.discard([parked.message_id])
    edited = await outbox.edit(parked.message_id, "{}")
    assert edited is not None
    assert "discarded" == edited.state


@pytest.mark.parametrize(
    "payload", ["", "[]", "{", '{"a": NaN}', "{} {}", "[" * 100_000, '{"a": "\0"}', "{\ud800}"]
)
async def test_a_payload_that_nobody_could_read_is_refused(
    engine: AsyncEngine, outbox: AsyncOutbox, payload: str
) -> None:
    """The message stays as it was."""
    await give_up(engine, "1")
    (before,) = await outbox.list()
    with pytest.raises(ConfigurationError, match="The new payload of the message"):
        await outbox.edit(before.message_id, payload)

    assert [before] == await outbox.list()


async def test_messages_are_chosen_by_the_text_of_their_error(
    engine: AsyncEngine, outbox: AsyncOutbox
) -> None:
    """A part of it is enough; what has a special meaning to LIKE has none here."""
    await give_up(engine, "1")
    (parked,) = await outbox.list()
    assert parked.reason is not None
    for reason, count in ((parked.reason[3:9], 1), ("%", 0), ("_", int("_" in parked.reason))):
        assert count == len(await outbox.list(matching=MessageFilter(reason=reason)))


async def test_some_messages_are_replayed_and_the_others_stay(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """Only what was named is pending again, and has no attempts."""
    await give_up(engine, "1", "2", "3")
    parked = await outbox.list()

    assert 2 == await outbox.replay([parked[0].message_id, parked[2].message_id, uuid4()])
    assert [parked[1]] == await outbox.list()
    pending = await outbox.list("pending")
    assert [(0, None, None, None)] * 2 == [
        (each.attempts, each.next_attempt_at, each.parked_at, each.reason) for each in pending
    ]
    assert 2 == await AsyncOutboxRelay(engine, transport).drain()


async def test_what_was_sent_or_is_on_its_way_is_not_replayed(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """Replaying is for what was given up: nothing is sent twice by mistake."""
    [sent] = await publish(engine, "1")
    await AsyncOutboxRelay(engine, transport).drain()
    [waiting] = await publish(engine, "2")

    assert 0 == await outbox.replay([sent.message_id, waiting.message_id])
    assert 0 == await outbox.discard([sent.message_id, waiting.message_id])
    assert 0 == await outbox.replay()


async def test_a_message_that_was_discarded_is_not_sent(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """It stays stored, is no longer parked, and can still be replayed by its name."""
    await give_up(engine, "1", "2")
    first, second = await outbox.list()

    assert 1 == await outbox.discard([first.message_id])
    assert [second] == await outbox.list()
    assert [first.message_id] == [each.message_id for each in await outbox.list("discarded")]
    assert 1 == await outbox.discard()
    assert 0 == await AsyncOutboxRelay(engine, transport).drain()
    assert 0 == await outbox.replay()
    assert 1 == await outbox.replay([second.message_id])
    assert 1 == await AsyncOutboxRelay(engine, transport).drain()


async def test_purging_deletes_what_was_sent_long_ago_and_nothing_else(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """Private, pending, parked and recent messages are kept."""
    await give_up(engine, "parked")
    await publish(engine, *"12345")
    await AsyncOutboxRelay(engine, transport).drain()
    async with AsyncShelves(engine) as transaction:
        await new_bus().handle(RegisterBook(id="private"), transaction)
        await transaction.commit()
    before = await stored(engine)

    assert 0 == await outbox.purge(timedelta(hours=1))
    assert before == await stored(engine)
    assert 5 == await outbox.purge(timedelta(0), batch_size=2)
    assert [each for each in before if each.state != "sent"] == await stored(engine)


async def test_purging_goes_in_small_steps_beside_the_writers(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """No transaction deletes more than a batch, and new messages stay."""
    await publish(engine, *map(str, range(50)))
    await AsyncOutboxRelay(engine, transport).drain()
    deleted: list[int] = []

    def note(_connection: object, cursor: sa.engine.interfaces.DBAPICursor, *rest: object) -> None:
        if str(rest[0]).startswith("DELETE"):
            deleted.append(cursor.rowcount)

    sa.event.listen(getattr(engine, "sync_engine", engine), "after_cursor_execute", note)

    async def purge() -> None:
        await outbox.purge(timedelta(0), batch_size=7)

    async def write() -> None:
        for number in range(10):
            await publish(engine, str(number))

    await together(purge, write)

    assert [7] * 7 + [1] == deleted
    assert ["pending"] * 10 == [record.state for record in await stored(engine)]


async def test_what_was_sent_is_sent_again_in_its_order(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """It keeps its identifiers, and goes before what is newer."""
    events = await publish(engine, "1", "2", "3")
    await AsyncOutboxRelay(engine, transport).drain()
    events += await publish(engine, "4")

    assert 1 == await outbox.resend([events[1].message_id, events[3].message_id, uuid4()])
    assert 3 == await AsyncOutboxRelay(engine, transport).drain() + await outbox.resend(
        [events[0].message_id]
    )
    expected = [*events[:3], events[1], events[3]]
    assert [str(event.message_id) for event in expected] == transport.ids
    with pytest.raises(ConfigurationError, match="by their identifiers or by a filter"):
        await outbox.resend()
    assert 3 == await outbox.resend(matching=MessageFilter())


async def test_messages_are_chosen_by_name_kind_and_cascade(
    engine: AsyncEngine, outbox: AsyncOutbox
) -> None:
    """What is listed, counted, replayed or discarded is what matches."""
    await give_up(engine, "1", "2", "3")
    first, second, third = await outbox.list()
    for matching, expected in (
        (MessageFilter(), [first, second, third]),
        (MessageFilter(name="book_borrowed"), [first, second, third]),
        (MessageFilter(name="book_borrowed_v2"), [first, second, third]),
        (MessageFilter(name="book_borrowed_v1"), []),
        (MessageFilter(name=f"book_borrowed_v{10**30}"), []),
        (MessageFilter(name="book"), []),
        (MessageFilter(kind="event"), [first, second, third]),
        (MessageFilter(kind="command"), []),
        (MessageFilter(correlation_id=second.correlation_id), [second]),
        (MessageFilter(correlation_id=uuid4()), []),
        (MessageFilter(until=second.created_at), [first]),
        (MessageFilter(since=second.created_at), [second, third]),
    ):
        assert expected == await outbox.list(matching=matching)
        assert len(expected) == (await outbox.select(matching=matching)).count

    everything = Selected(3, first.created_at, third.created_at)
    assert everything == await outbox.select()
    assert Selected(0, None, None) == await outbox.select("sent")
    only_second = MessageFilter(correlation_id=second.correlation_id)
    assert 0 == await outbox.replay([first.message_id], matching=only_second)
    assert 1 == await outbox.replay(matching=only_second)
    assert [second.message_id] == [each.message_id for each in await outbox.list("pending")]
    assert 1 == await outbox.discard(matching=MessageFilter(since=third.created_at))
    assert [third.message_id] == [each.message_id for each in await outbox.list("discarded")]
    assert [first] == await outbox.list()


async def test_what_was_sent_is_chosen_by_the_time_when_it_was_sent(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder
) -> None:
    """The time of creation says nothing about what a broker has lost."""
    events = await publish(engine, "1", "2")
    async with engine.begin() as connection:
        long_ago = datetime.now(UTC) - timedelta(days=9)
        await connection.execute(sa.update(tables.messages).values(created_at=long_ago))
    await AsyncOutboxRelay(engine, transport).drain()
    lately = MessageFilter(since=datetime.now(UTC) - timedelta(hours=1))

    assert 2 == (await outbox.select("sent", matching=lately)).count
    assert 2 == await outbox.resend(matching=lately)
    assert 0 == (await outbox.select("pending", matching=lately)).count
    await AsyncOutboxRelay(engine, transport).drain()
    assert 0 == await outbox.purge(timedelta(0), matching=MessageFilter(name="other"))
    one = MessageFilter(correlation_id=events[0].message_id)
    assert 1 == await outbox.purge(timedelta(0), matching=one)


def test_a_filter_that_could_match_nothing_is_refused() -> None:
    """An unknown kind and a time without a zone are mistakes."""
    with pytest.raises(ConfigurationError, match="'command' or 'event', not 'query'"):
        MessageFilter(kind="query")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="until must have a time zone"):
        MessageFilter(until=datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "options",
    [
        {"older_than": timedelta(microseconds=-1)},
        {"older_than": timedelta.max},
        {"older_than": timedelta.min},
        {"older_than": 30},
        {"older_than": timedelta(0), "batch_size": 0},
        {"older_than": timedelta(0), "batch_size": -5},
        {"older_than": timedelta(0), "batch_size": 10**30},
    ],
    ids=repr,
)
async def test_wrong_sizes_and_times_delete_nothing(
    engine: AsyncEngine, outbox: AsyncOutbox, transport: AsyncRecorder, options: dict[str, Any]
) -> None:
    """They are refused before the database is asked."""
    await publish(engine, "1")
    await AsyncOutboxRelay(engine, transport).drain()

    with pytest.raises(ConfigurationError, match=r"(older_than|batch_size) must be"):
        await outbox.purge(**options)
    assert 1 == len(await stored(engine))


async def test_the_longest_time_deletes_nothing(outbox: AsyncOutbox) -> None:
    """A hundred years ago is a time that every database knows."""
    assert 0 == await outbox.purge(timedelta(days=36_500), batch_size=30_000)


@pytest.mark.parametrize(
    "options", [{"limit": -5}, {"limit": 10**30}, {"after": -1}, {"after": 10**23}], ids=repr
)
async def test_a_list_has_a_place_and_a_length(outbox: AsyncOutbox, options: Any) -> None:
    """Numbers that some database takes for no limit, or not at all, are refused."""
    with pytest.raises(ConfigurationError, match=r"(limit|after) must be a whole number"):
        await outbox.list(**options)
    assert [] == await outbox.list(limit=0, after=2**63 - 1)

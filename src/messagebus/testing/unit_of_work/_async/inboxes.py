"""The rules of the inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from ...._compat.waits.aio import sleep
from ....inbox._async.inbox import AsyncAbstractInbox
from ....inbox.dead_letter import DeadLetter
from ....inbox.delivery import Delivery
from ...transport.outcome import expect
from .harness import AsyncUnitOfWorkHarness as Harness

_IDS = [UUID(int=number) for number in range(1, 6)]
_NAME = "reader"
_MINUTE = timedelta(minutes=1)


async def a_message_is_marked_once(harness: Harness) -> None:
    """Each consumer has marks of its own, and a rollback forgets them."""
    async with _inbox(harness, commits=False) as inbox:
        expect(set(_IDS), await inbox.mark(_NAME, _IDS), "the new marks")
    async with _inbox(harness) as inbox:
        expect(set(_IDS[:2]), await inbox.mark(_NAME, [*_IDS[:2], _IDS[0]]), "the new marks")
        expect(set(), await inbox.mark(_NAME, _IDS[:2]), "the marks of the same transaction")
        expect(set(), await inbox.mark(_NAME, []), "the marks of no message")
    async with _inbox(harness) as inbox:
        expect(set(_IDS[:2]), await inbox.marked(_NAME, _IDS), "what is marked")
        expect(set(), await inbox.marked("another", _IDS), "what another consumer has marked")
        expect(set(), await inbox.marked(_NAME, []), "what is marked of no message")
        expect(set(_IDS[2:]), await inbox.mark(_NAME, _IDS), "the new marks")
        expect(set(_IDS), await inbox.marked(_NAME, _IDS), "what the transaction has marked")
        expect(set(_IDS), await inbox.mark("another", _IDS), "the marks of another consumer")


async def offsets_in_hand_are_replaced(harness: Harness) -> None:
    """Each consumer and each log has its own, and a rollback changes none."""
    one, two = {"log 1": range(3, 9)}, {"log 1": range(5, 5), "log 2": range(2**40, 2**40 + 1)}
    async with _inbox(harness) as inbox:
        expect({}, _filled(await inbox.note(_NAME, one)), "what was noted at first")
        expect({}, await inbox.note(_NAME, {}), "what was noted of no log")
    async with _inbox(harness, commits=False) as inbox:
        expect(one, _filled(await inbox.note(_NAME, two)), "what was noted before")
    async with _inbox(harness) as inbox:
        expect(one, _filled(await inbox.note(_NAME, two)), "what was noted before the rollback")
        expect(two["log 2"], (await inbox.note(_NAME, two))["log 2"], "what was just noted")
        expect({}, _filled(await inbox.note("another", one)), "what another consumer has noted")
    async with _inbox(harness) as inbox:
        left = _filled(await inbox.note(_NAME, {**one, "log 2": range(0)}))
        expect({"log 2": two["log 2"]}, left, "what was noted of what is empty now")


async def attempts_are_counted_until_they_are_forgotten(harness: Harness) -> None:
    """The first attempt that is counted is the second one."""
    first = _IDS[0]
    async with _inbox(harness) as inbox:
        expect(2, await inbox.begin_attempt(_NAME, first), "the attempt")
        expect(3, await inbox.begin_attempt(_NAME, first), "the attempt")
        expect(2, await inbox.begin_attempt("another", first), "the attempt of another consumer")
    async with _inbox(harness) as inbox:
        await inbox.forget(_NAME, [first])
    async with _inbox(harness) as inbox:
        expect(2, await inbox.begin_attempt(_NAME, first), "the attempt")


async def a_dead_letter_is_kept_once_and_marked(harness: Harness) -> None:
    """Its attempts are forgotten, and its ordering key is known."""
    for key in ("parcel 1", "parcel 2"):
        async with _inbox(harness) as inbox:
            await inbox.begin_attempt(_NAME, _IDS[0])
            await inbox.bury(_letter(_IDS[0], key))
    async with _inbox(harness) as inbox:
        await inbox.bury(_letter(_IDS[1], None))
    async with _inbox(harness, commits=False) as inbox:
        await inbox.bury(_letter(_IDS[2], "parcel 3"))
    expected = [(_NAME, _IDS[0]), (_NAME, _IDS[1])]
    expect(expected, sorted(await harness.dead_letters()), "the dead letters")
    async with _inbox(harness) as inbox:
        expect(set(_IDS[2:]), await inbox.mark(_NAME, _IDS), "the new marks")
        expect(2, await inbox.begin_attempt(_NAME, _IDS[0]), "the attempt")
        expect({"parcel 1", None}, await inbox.buried_keys(_NAME), "the ordering keys")
        expect(set(), await inbox.buried_keys("another"), "those of another consumer")


async def partitions_are_shared_by_the_processes_of_a_consumer(harness: Harness) -> None:
    """Each gets its fair share when the others have given up their surplus."""
    shares: dict[str, set[int]] = {}
    for member in ("a", "b", "a", "b"):
        async with _inbox(harness) as inbox:
            shares[member] = set(await inbox.share(_NAME, member, 5, _MINUTE))
    expect([2, 3], sorted(map(len, shares.values())), "the sizes of the shares")
    expect({0, 1, 2, 3, 4}, shares["a"] | shares["b"], "what is shared")
    async with _inbox(harness) as inbox:
        await inbox.leave(_NAME, "b")
    async with _inbox(harness) as inbox:
        expect(5, len(await inbox.share(_NAME, "a", 5, _MINUTE)), "the share of the last")
        expect(5, len(await inbox.share("another", "b", 5, _MINUTE)), "that of another consumer")


async def a_lease_that_was_not_renewed_has_no_share(harness: Harness) -> None:
    """What its process held is free."""
    async with _inbox(harness) as inbox:
        await inbox.share(_NAME, "a", 4, -_MINUTE)
    async with _inbox(harness) as inbox:
        expect(4, len(await inbox.share(_NAME, "b", 4, _MINUTE)), "the share of the other one")


async def what_is_old_is_deleted_except_for_dead_letters(harness: Harness) -> None:
    """No more than the limit at once, and nothing of other consumers."""
    async with _inbox(harness) as inbox:
        await inbox.mark(_NAME, _IDS)
        await inbox.mark("another", _IDS)
        await inbox.bury(_letter(_IDS[4], None))
        await inbox.begin_attempt(_NAME, _IDS[0])
        await inbox.note(_NAME, {"log 1": range(1), "log 2": range(1)})
    async with _inbox(harness) as inbox:
        expect(0, await inbox.prune(_NAME, _MINUTE, 10), "what was deleted of what is new")
    await sleep(0.002)
    async with _inbox(harness) as inbox:
        expect(3, await inbox.prune(_NAME, timedelta(0), 3), "what was deleted at once")
    async with _inbox(harness) as inbox:
        expect(3, await inbox.prune(_NAME, timedelta(0), 3), "what was deleted next")
    async with _inbox(harness) as inbox:
        expect(1, await inbox.prune(_NAME, timedelta(0), 3), "the rest that was deleted")
        expect({}, _filled(await inbox.note(_NAME, {"log 1": range(1)})), "what is noted")
        expect(set(_IDS[:4]), await inbox.mark(_NAME, _IDS), "the new marks")
        expect(set(), await inbox.mark("another", _IDS), "the new marks of another consumer")


def _letter(id: UUID, key: str | None) -> DeadLetter:
    wire = {"id": str(id), "type": "parcel_weighed_v1", "payload": "{}"}
    wire |= {} if key is None else {"ordering_key": key}
    return DeadLetter.of_failure(_NAME, id, Delivery(wire, b"{}"), 5, LookupError("no"))


def _filled(noted: Mapping[str, range]) -> dict[str, range]:
    return {log: each for log, each in noted.items() if each}


@asynccontextmanager
async def _inbox(harness: Harness, *, commits: bool = True) -> AsyncIterator[AsyncAbstractInbox]:
    async with harness.uow() as transaction:
        yield transaction.inbox
        await (transaction.commit() if commits else transaction.rollback())

"""The contract of units of work detects units of work that break it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from messagebus import Message
from messagebus.adapters.memory import (
    AsyncMemoryInbox,
    AsyncMemoryRepository,
    MemorySession,
)
from messagebus.inbox import DeadLetter
from messagebus.testing.unit_of_work import ASYNC_UNIT_OF_WORK_RULES, Parcel
from tests._async.adapters.test_memory_unit_of_work import AsyncDepot, AsyncMemoryHarness


class Faulty(AsyncDepot):
    """Keeps the contract; each subclass breaks it in one way."""


class Forgetful(Faulty):
    """Commits nothing."""

    async def commit(self) -> None:
        """Do nothing."""


class Decisive(Faulty):
    """Commits what is rolled back."""

    async def rollback(self) -> None:
        """Commit."""
        if self.eventstore.transaction is not None:
            await self.commit()


class Unseeing(Faulty):
    """Collects no messages of models."""

    def attach(self, session: MemorySession) -> None:
        """Create a repository that sees nothing."""
        super().attach(session)
        self.parcels.seen = _Blind()


class _Blind(list[Any]):
    def append(self, item: Any) -> None:
        """Drop it."""


class Copying(Faulty):
    """Returns another copy for each call."""

    def attach(self, session: MemorySession) -> None:
        """Create a repository that copies."""
        super().attach(session)
        parcels = self.parcels

        class Copies(AsyncMemoryRepository[Parcel]):
            async def find(self, key: Any) -> Parcel | None:
                found = await parcels.find(key)
                return None if found is None else found.model_copy()

        self.parcels = Copies(session, Parcel)


class Overwriting(Faulty):
    """Replaces a model whose id is taken."""

    def attach(self, session: MemorySession) -> None:
        """Create a repository that replaces."""

        class Replacing(AsyncMemoryRepository[Parcel]):
            async def add(self, model: Parcel) -> None:
                self.rows[model.id] = model

        self.parcels = Replacing(session, Parcel)


class Unsafe(Faulty):
    """Has savepoints that undo nothing."""

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Do nothing."""
        yield


class Overzealous(Faulty):
    """Has savepoints that undo what was before them as well."""

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Drop everything."""
        try:
            yield
        except BaseException:
            for table in self.session._tables.values():
                table.rows.clear()
            raise


class Careless(Faulty):
    """Keeps no dead letter."""

    async def keep_failure(self, message: Message[Any], listener: str, error: Exception) -> bool:
        """Do nothing."""
        return False


class Lenient(Faulty):
    """Stores whatever it is given."""

    def attach(self, session: MemorySession) -> None:
        """Use an eventstore that swallows errors."""
        super().attach(session)
        add = self.eventstore._add

        async def swallow(message: Message[Any]) -> None:
            try:
                await add(message)
            except ValueError:
                return

        self.eventstore._add = swallow  # type: ignore[method-assign]


class _Inbox(AsyncMemoryInbox):
    """Marks again, and buries without a mark."""

    async def mark(self, consumer: str, ids: Sequence[UUID]) -> set[UUID]:
        """Return everything."""
        await super().mark(consumer, ids)
        return set(ids)

    async def note(self, consumer: str, held: Mapping[str, range]) -> Mapping[str, range]:
        """Return what is noted now."""
        await super().note(consumer, held)
        return held

    async def forget(self, consumer: str, ids: Sequence[UUID]) -> None:
        """Do nothing."""

    async def bury(self, letter: DeadLetter) -> None:
        """Keep a letter without a mark."""
        self._letters[letter.consumer, letter.message_id] = letter


class Repeating(Faulty):
    """Has an inbox that remembers no marks."""

    @property
    def inbox(self) -> AsyncMemoryInbox:
        """The faulty inbox."""
        return _Inbox(self.session)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (Forgetful, "what_is_committed_is_found_by_the_next_transaction"),
        (Decisive, "what_is_rolled_back_is_not_found"),
        (Decisive, "an_error_undoes_the_transaction"),
        (Decisive, "a_transaction_without_a_decision_is_undone"),
        (Decisive, "what_fails_is_not_stored"),
        (Unseeing, "models_that_were_added_or_found_raise_messages"),
        (Copying, "a_model_is_loaded_once_in_a_transaction"),
        (Copying, "a_change_of_a_model_is_written_with_the_commit"),
        (Overwriting, "an_id_is_taken_once"),
        (Unsafe, "an_error_undoes_its_savepoint_alone"),
        (Unsafe, "savepoints_nest"),
        (Unsafe, "a_savepoint_takes_its_messages_back"),
        (Overzealous, "an_error_undoes_its_savepoint_alone"),
        (Careless, "a_listener_that_fails_alone_leaves_a_dead_letter"),
        (Lenient, "a_transaction_handles_a_message_once"),
        (Lenient, "what_would_not_come_back_unchanged_is_refused"),
        (Repeating, "a_message_is_marked_once"),
        (Repeating, "offsets_in_hand_are_replaced"),
        (Repeating, "attempts_are_counted_until_they_are_forgotten"),
        (Repeating, "a_dead_letter_is_kept_once_and_marked"),
    ],
)
async def test_each_fault_breaks_its_rule(kind: type[Faulty], rule: str) -> None:
    """The rule about a fault fails for a unit of work that has it, and for no other."""
    rules: dict[str, Callable[[Any], Any]] = {
        each.__name__: each for each in ASYNC_UNIT_OF_WORK_RULES
    }
    await rules[rule](AsyncMemoryHarness(Faulty))
    with pytest.raises(AssertionError):
        await rules[rule](AsyncMemoryHarness(kind))

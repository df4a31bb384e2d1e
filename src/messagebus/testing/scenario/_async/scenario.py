"""The scenario: given what has happened, when a message is handled, then this follows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self, overload
from uuid import UUID

from ....adapters.memory._async.unit_of_work import AsyncMemoryUnitOfWork
from ....adapters.memory.store import MemoryStore
from ....domain.model import Message, Returns
from ....exceptions import ConfigurationError
from ....inbox.dead_letter import DeadLetter
from ....service._async.execution import unit_of_work_of
from ....service._async.registry import AsyncMessageBus
from ....service._async.unit_of_work import AsyncAbstractUnitOfWork
from ....typing import R
from .._compat.aio import Expectation, expect
from ..outcome import Outcome
from .transaction import AsyncWatchedTransaction


class AsyncScenario:
    """Handles messages on a bus, each in a transaction of its own, and checks what follows.

    Args:
        bus: has the listeners.
        uow: a unit of work of any kind, or what creates it; the scenario creates one.
        dependencies: the dependencies that listeners ask for by name.

    Raises:
        ConfigurationError: *uow* is neither.
    """

    def __init__(
        self,
        bus: AsyncMessageBus[Any],
        uow: AsyncAbstractUnitOfWork[Any] | Callable[[], AsyncAbstractUnitOfWork[Any]],
        **dependencies: Any,
    ) -> None:
        self._bus = bus
        self._uow = unit_of_work_of(uow, "A scenario")
        self._dependencies = dependencies
        self._given: list[Message[Any]] = []
        self._past: set[UUID] = set()
        self._published: list[Message[Any]] = []
        self._letters: list[DeadLetter] = []
        self._expected: list[Expectation[Any]] = []
        self._looked_at: int = 0

    def given(self, *messages: Message[Any]) -> Self:
        """Let messages be handled before the next one, each in a transaction of its own.

        What they lead to is not checked. An error that one raises is raised by the test.

        Args:
            messages: the commands and events that bring the application into its state.
        """
        self._given += messages
        return self

    @overload
    def when(self, message: Returns[R]) -> Expectation[R]: ...

    @overload
    def when(self, message: Message[Any]) -> Expectation[Any]: ...

    def when(self, message: Any) -> Expectation[Any]:
        """Handle a message in a transaction of its own, and commit it.

        Returns:
            What is expected of it. Its checks are *then*, *returns* and *fails*.

        Raises:
            ConfigurationError: no listener hears the message, or one that was given.
            Exception: a message that was given has failed.
        """
        __tracebackhide__ = True
        expected: Expectation[Any] = expect(message, partial(self._handle, message))
        self._expected.append(expected)
        return expected

    @property
    def published(self) -> list[Message[Any]]:
        """The messages that were published, but for those that led to the given state.

        Of a unit of work in memory, they are those of its store, whoever has committed them.
        """
        if self._store is None:
            return list(self._published)
        return [
            each.message
            for id, each in list(self._store.stored.items())
            if each.state is not None and id not in self._past
        ]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """What isolated listeners could not handle.

        Of a unit of work in memory, they are those of its store, also what consumers could not
        handle.
        """
        letters = self._dead_letters
        self._looked_at = len(letters)
        return list(letters)

    def problems(self) -> list[str]:
        """Return what is wrong with a test that ends now.

        That is a message that was not handled or whose outcome was not checked, and a dead letter
        that nobody has looked at.
        """
        problems = [each.problem for each in self._expected]
        if self._given:
            problems.append(f"given({self._given}) was not followed by when, so it was not handled")
        problems += [
            f"nobody has looked at a dead letter: {each.consumer} could not handle "
            f"{(each.wire or {}).get('type')}: {each.error_type}: {each.error}"
            for each in self._dead_letters[self._looked_at :]
        ]
        return [each for each in problems if each is not None]

    @property
    def _store(self) -> MemoryStore | None:
        return self._uow.store if isinstance(self._uow, AsyncMemoryUnitOfWork) else None

    @property
    def _dead_letters(self) -> list[DeadLetter]:
        return self._letters if self._store is None else self._store.dead_letters

    async def _handle(self, message: Message[Any]) -> Outcome[Any]:
        """Handle what is given, then a message."""
        await self._give()
        self._ensure_heard(message)
        transaction = AsyncWatchedTransaction(self._uow)
        try:
            async with transaction:
                # A listener that changed what is in it would change what the test expects as well.
                copied = message.model_copy(deep=True)
                result = await self._bus.handle(copied, transaction, **self._dependencies)
                await transaction.commit()
        except Exception as error:  # noqa: BLE001 - checked, or shown, by the outcome
            return Outcome(message, [], None, error)
        self._letters += transaction.letters
        self._published += [each for each in transaction.handled if each.metadata.published]
        led_to = [each for each in transaction.handled if each.message_id != message.message_id]
        return Outcome(message, led_to, result, None)

    async def _give(self) -> None:
        given, self._given = self._given, []
        before: set[UUID] = set() if self._store is None else set(self._store.stored)
        for message in given:
            self._ensure_heard(message)
            try:
                await self._bus.execute(message, self._uow, **self._dependencies)
            except Exception as error:
                error.add_note(f"It was raised by given({message!r}).")
                raise
        if self._store is not None:
            self._past |= set(self._store.stored) - before

    def _ensure_heard(self, message: Message[Any]) -> None:
        """Ensure that a message has an effect.

        Raises:
            ConfigurationError: no listener hears it.
        """
        matches = self._bus._listeners.find_route(message).matches
        if not any(hears is None or hears(message) for _, hears in matches):
            text = f"No listener of the bus hears {message!r}"
            advice = "Register its listener first, such as with scan."
            raise ConfigurationError(text, message_type=type(message), advice=advice)

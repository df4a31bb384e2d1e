"""The unit of work: what belongs together, and one transaction at a time over it."""

from __future__ import annotations

import abc
import heapq
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import MemberDescriptorType, TracebackType
from typing import Any, ClassVar, Generic, Self
from uuid import UUID

from ...domain.model import Message
from ...exceptions import ConfigurationError, InvalidMessageError, TransactionError
from ..transaction_status import TransactionStatus
from .repository import (
    SINKHOLE,
    AsyncAbstractRepository,
    AsyncEventstoreAbstractRepository,
    AsyncSinkholeEventstoreRepository,
)
from .transaction import AsyncUnitOfWorkTransaction, TRepositories

__all__ = [
    "AsyncAbstractUnitOfWork",
    "AsyncEventstoreAbstractRepository",
    "AsyncSinkholeEventstoreRepository",
    "AsyncUnitOfWorkTransaction",
    "TRepositories",
    "TransactionError",
    "TransactionStatus",
]

_COMMITTED = TransactionStatus.committed
_CLOSED = TransactionStatus.closed

NO_MESSAGES: Iterator[Message[Any]] = iter(())
"""What a unit of work collects when nothing was raised."""


def _raised_first(message: Message[Any]) -> UUID:
    if not isinstance(message, Message):
        raise InvalidMessageError(message)
    return message.message_id


class _State:
    """What a unit of work remembers, out of the way of the attributes of its subclasses."""

    def __init__(self) -> None:
        self.transaction: AsyncUnitOfWorkTransaction[Any] | None = None
        # Empty while a transaction runs: only one thread gets the item, whatever others do.
        self.free = [True]
        self.repositories: tuple[AsyncAbstractRepository[Any], ...] = ()
        # How many attributes there were when the repositories were looked for.
        self.size: int | None = None


class AsyncAbstractUnitOfWork(abc.ABC, Generic[TRepositories]):
    """Abstract unit of work.

    To implement one, define *commit* and *rollback*, and set the repositories as attributes.
    Enter it to get a transaction; it runs one transaction at a time.
    """

    eventstore: AsyncEventstoreAbstractRepository = SINKHOLE
    """Keeps every handled message; by default none is kept."""

    _slots: ClassVar[tuple[MemberDescriptorType, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._slots = tuple(
            each
            for base in cls.__mro__
            for each in vars(base).values()
            if isinstance(each, MemberDescriptorType)
        )

    _uow_state: _State

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        # Not in __init__, which subclasses need not call.
        self = super().__new__(cls)
        self.__dict__["_uow_state"] = _State()
        return self

    def collect_new_events(self) -> Iterator[Message[Any]]:
        """Take the messages that the models of the repositories have raised.

        Returns:
            The messages in the order they were raised: those of one model as they stand in
            its list, those of several models by the order in which they were made.
        """
        state = self._uow_state
        if state.size != len(self.__dict__):
            self._find_repositories()
        for repository in state.repositories:
            if repository.seen:
                return _take_messages(state.repositories)
        return NO_MESSAGES

    def _find_repositories(self) -> None:
        attributes = self.__dict__
        values = list(attributes.values())
        for slot in self._slots:
            with suppress(AttributeError):  # not set
                values.append(slot.__get__(self))
        found = tuple(value for value in values if isinstance(value, AsyncAbstractRepository))
        for repository in found:
            if not hasattr(repository, "seen"):
                text = f"{type(repository).__qualname__} has no attribute 'seen'"
                error = ConfigurationError(text)
                error.add_note("Call super().__init__() in its constructor.")
                raise error
        state = self._uow_state
        state.repositories = found
        state.size = len(attributes)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # Repositories are looked for again after any attribute has changed. One that appears
        # without an assignment (functools.cached_property) shows in the number of attributes.
        state = self._uow_state
        state.size = None
        if state.transaction is not None and self.eventstore is not SINKHOLE:
            state.transaction._use_eventstore()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._uow_state.size = None

    def __getstate__(self) -> dict[str, Any]:
        # A copy has a state of its own.
        return {name: value for name, value in self.__dict__.items() if name != "_uow_state"}

    def _discard_messages(self) -> None:
        """Drop what models have raised and nobody has taken."""
        for _message in self.collect_new_events():
            pass

    def _claim(self, transaction: AsyncUnitOfWorkTransaction[TRepositories]) -> None:
        """Make *transaction* the one that runs."""
        state = self._uow_state
        try:
            state.free.pop()
        except IndexError:
            error = TransactionError("The unit of work has a transaction that is still running.")
            error.add_note(
                f"One {type(self).__qualname__} runs one transaction at a time: leave the first, "
                "or make a unit of work for each task or thread."
            )
            raise error from None
        state.transaction = transaction
        if self.eventstore is not SINKHOLE or self.eventstore.publisher is not None:
            transaction._use_eventstore()

    async def _release(self) -> None:
        """Give back what the transaction that ends has held; by default there is nothing.

        One whose eventstore is idle may end without: what overrides this has a store.
        """

    def _is_running(self, transaction: AsyncUnitOfWorkTransaction[TRepositories]) -> bool:
        return self._uow_state.transaction is transaction

    def _forget_transaction(self) -> None:
        """Make room for another one."""
        state = self._uow_state
        if state.transaction is not None:
            state.transaction = None
            state.free.append(True)

    async def __aenter__(self) -> AsyncUnitOfWorkTransaction[TRepositories]:
        transaction: AsyncUnitOfWorkTransaction[TRepositories] = AsyncUnitOfWorkTransaction(self)
        self._claim(transaction)
        return transaction

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        state = self._uow_state
        transaction = state.transaction
        if transaction is None:
            return
        if transaction._simple and transaction.status is _COMMITTED and exc is None:
            # The most frequent way out has nothing left to do.
            transaction.status = _CLOSED
            state.transaction = None
            state.free.append(True)
        else:
            await transaction.__aexit__(exc_type, exc, tb)

    @abc.abstractmethod
    async def commit(self) -> None:
        """Commit the transaction."""

    @abc.abstractmethod
    async def rollback(self) -> None:
        """Roll the transaction back."""


def _take_messages(
    repositories: Iterable[AsyncAbstractRepository[Any]],
) -> Iterator[Message[Any]]:
    batches: list[list[Message[Any]]] = []
    for repository in repositories:
        if repository.seen:
            for model in repository.seen:
                if model.messages:
                    batches.append(list(model.messages))
                    model.messages.clear()
            repository.seen.clear()
    if not batches:
        return NO_MESSAGES
    if len(batches) == 1:
        return iter(batches[0])
    return heapq.merge(*batches, key=_raised_first)

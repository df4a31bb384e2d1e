"""The unit of work: what belongs together, and one transaction at a time over it."""

from __future__ import annotations

import abc
import heapq
from collections.abc import Iterator
from contextlib import suppress
from types import MemberDescriptorType, TracebackType
from typing import Any, ClassVar, Generic
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


# Keys of the unit of work's own dict, of which subclasses know nothing.
_TRANSACTION = " transaction"
_REPOSITORIES = " repositories"

_NOT_LOOKED_FOR: tuple[int, tuple[AsyncAbstractRepository[Any], ...]] = (-1, ())


def _raised_first(message: Message[Any]) -> UUID:
    if not isinstance(message, Message):
        raise InvalidMessageError(message)
    return message.message_id


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

    def collect_new_events(self) -> Iterator[Message[Any]]:
        """Take the messages that the models of the repositories have raised.

        Returns:
            The messages in the order they were raised: those of one model as they stand in
            its list, those of several models by the order in which they were made.
        """
        attributes = self.__dict__
        try:
            size, repositories = attributes[_REPOSITORIES]
        except KeyError:
            size = -1
        if size != len(attributes):
            repositories = self._find_repositories()
        batches: list[list[Message[Any]]] | None = None
        for repository in repositories:
            if repository.seen:
                if batches is None:
                    batches = []
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

    def _find_repositories(self) -> tuple[AsyncAbstractRepository[Any], ...]:
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
        attributes.setdefault(_REPOSITORIES, _NOT_LOOKED_FOR)
        attributes[_REPOSITORIES] = (len(attributes), found)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # Repositories are looked for again after any attribute has changed. One that appears
        # without an assignment (functools.cached_property) shows in the number of attributes.
        self.__dict__.pop(_REPOSITORIES, None)
        if name == "eventstore" and _TRANSACTION in self.__dict__ and value.publisher is not None:
            self.__dict__[_TRANSACTION]._open_stream()

    def _discard_messages(self) -> None:
        """Drop what models have raised and nobody has taken."""
        for _message in self.collect_new_events():
            pass

    def _claim(self, transaction: AsyncUnitOfWorkTransaction[TRepositories]) -> None:
        """Make *transaction* the one that runs."""
        # Only setdefault takes a free place in one step, whatever other threads do.
        if self.__dict__.setdefault(_TRANSACTION, transaction) is not transaction:
            error = TransactionError("The unit of work has a transaction that is still running.")
            error.add_note(
                f"One {type(self).__qualname__} runs one transaction at a time: leave the first, "
                "or make a unit of work for each task or thread."
            )
            raise error
        if self.eventstore.publisher is not None:
            transaction._open_stream()

    async def _release(self) -> None:
        """Give back what the transaction that ends has held; by default there is nothing.

        One whose eventstore is idle may end without: what overrides this has a store.
        """

    def _is_running(self, transaction: AsyncUnitOfWorkTransaction[TRepositories]) -> bool:
        return self.__dict__.get(_TRANSACTION) is transaction

    def _forget_transaction(self) -> None:
        """Make room for another one."""
        self.__dict__.pop(_TRANSACTION, None)

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
        attributes = self.__dict__
        transaction = attributes.get(_TRANSACTION)
        if transaction is None:
            return
        if (
            transaction.status is _COMMITTED
            and exc is None
            and self.eventstore is SINKHOLE
            and transaction._stream is None
            and not transaction._detached
        ):
            # The most frequent way out has nothing left to do.
            transaction.status = _CLOSED
            del attributes[_TRANSACTION]
        else:
            await transaction.__aexit__(exc_type, exc, tb)

    @abc.abstractmethod
    async def commit(self) -> None:
        """Commit the transaction."""

    @abc.abstractmethod
    async def rollback(self) -> None:
        """Roll the transaction back."""

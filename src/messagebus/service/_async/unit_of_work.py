"""The unit of work: what belongs together, and one transaction at a time over it."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import suppress
from types import MemberDescriptorType, TracebackType
from typing import Any, ClassVar, Generic, Self

from ...domain.model import Message
from ...exceptions import TransactionError
from ..attributes import makes_attributes, slots_of
from ..seen import CHANGES, NO_MESSAGES, Seen, Source, seen_by, sources_among, take_messages
from ..transaction_status import TransactionStatus
from .repository import (
    SINKHOLE,
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


class _State:
    """What a unit of work remembers, out of the way of the attributes of its subclasses."""

    def __init__(self, *, grows: bool) -> None:
        self.transaction: AsyncUnitOfWorkTransaction[Any] | None = None
        # Empty while a transaction runs: only one thread gets the item, whatever others do.
        self.free = [True]
        # Where to look for new messages; None if attributes have changed since it was found out.
        self.sources: list[Source] | None = None
        # Whether there may be attributes that were not assigned, and how many there were then.
        self.grows = grows
        self.size = 0
        # What is there to look at, as of the last change; None if that is not for long.
        self.seen: list[Seen] = []
        self.change: object = None


class AsyncAbstractUnitOfWork(abc.ABC, Generic[TRepositories]):
    """Abstract unit of work.

    To implement one, define *commit* and *rollback*, and set the repositories as attributes.
    Enter it to get a transaction; it runs one transaction at a time.
    """

    eventstore: AsyncEventstoreAbstractRepository = SINKHOLE
    """Keeps every handled message; by default none is kept."""

    _slots: ClassVar[tuple[MemberDescriptorType, ...]] = ()
    _grows: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._slots = slots_of(cls)
        cls._grows = makes_attributes(cls)

    _uow_state: _State

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        # Not in __init__, which subclasses need not call.
        self = super().__new__(cls)
        # One with another __setattr__, as a frozen dataclass has, may not tell of assignments.
        grows = cls._grows or cls.__setattr__ is not AsyncAbstractUnitOfWork.__setattr__
        object.__setattr__(self, "_uow_state", _State(grows=grows))
        return self

    def collect_new_events(self) -> Iterator[Message[Any]]:
        """Take the messages that the models of the repositories have raised.

        Returns:
            The messages in the order they were raised: those of one model as they stand in
            its list, those of several models by the order in which they were made.
        """
        state = self._uow_state
        if state.change is not CHANGES.last:
            self._look_again()
        for models in state.seen:
            if models:
                return take_messages(state.seen)
        return NO_MESSAGES

    def _look_again(self) -> None:
        state = self._uow_state
        # Taken before anything is looked at: what another thread changes meanwhile comes later.
        change = CHANGES.last
        sources, size = state.sources, len(self.__dict__)
        if sources is None or state.size != size:
            values = list(self.__dict__.values())
            for slot in self._slots:
                with suppress(AttributeError):  # not set
                    values.append(slot.__get__(self))
            state.sources = sources = sources_among(values)
            state.size = size
        state.seen = seen_by(sources)
        state.change = None if state.grows else change

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        state = self._uow_state
        state.sources = state.change = None
        if state.transaction is not None and self.eventstore is not SINKHOLE:
            state.transaction._use_eventstore()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        state = self._uow_state
        state.sources = state.change = None

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
            raise self._is_claimed() from None
        state.transaction = transaction
        eventstore = self.eventstore
        if eventstore is not SINKHOLE or eventstore.publisher is not None:
            transaction._use_eventstore()

    def _is_claimed(self) -> TransactionError:
        error = TransactionError("The unit of work has a transaction that is still running.")
        error.add_note(
            f"One {type(self).__qualname__} runs one transaction at a time: leave the first, "
            "or make a unit of work for each task or thread."
        )
        return error

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
        # What _claim does, without the call.
        transaction: AsyncUnitOfWorkTransaction[TRepositories] = AsyncUnitOfWorkTransaction(self)
        state = self._uow_state
        try:
            state.free.pop()
        except IndexError:
            raise self._is_claimed() from None
        state.transaction = transaction
        eventstore = self.eventstore
        if eventstore is not SINKHOLE or eventstore.publisher is not None:
            transaction._use_eventstore()
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

"""The unit of work: holds the repositories and runs one transaction at a time over them."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, Self

from ..._compat.aio import adapt_methods
from ..._introspection.late import annotations_of
from ...domain.model import Message
from ...exceptions import ConfigurationError, TransactionError
from ..diagnostics import HIDDEN, refuse_hidden
from ..repository import NO_MESSAGES, Raised, Repository, repositories_among, take_messages
from ..transaction_status import TransactionStatus
from .guarded_transaction import AsyncGuardedTransaction
from .repository import (
    SINKHOLE,
    AsyncEventstoreAbstractRepository,
    AsyncSinkholeEventstoreRepository,
)
from .transaction import AsyncUnitOfWorkTransaction
from .type_parameters import TRepositories

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
    """The memory of a unit of work, kept apart from the attributes of its subclasses."""

    __slots__ = ("attributes", "has_begun", "releases", "repositories", "running", "size")

    def __init__(self, *, releases: bool) -> None:
        # Whether a subclass releases something when a transaction ends.
        self.releases = releases
        self.has_begun = False
        # The running transaction. Several threads may append at once; the first one runs.
        self.running: list[AsyncUnitOfWorkTransaction[Any]] = []
        self.repositories: list[Repository[Any]] = []
        self.attributes: dict[str, object] = {}
        # The number of attributes when the repositories were found; negative since the last
        # assignment. A cached property, for one, adds an attribute without an assignment.
        self.size = -1


class AsyncAbstractUnitOfWork(abc.ABC, Generic[TRepositories]):
    """Abstract unit of work.

    To implement one, define *commit* and *rollback*, and set the repositories as attributes.
    Enter it to get a transaction; it runs one transaction at a time.
    """

    # Any, because a subclass that declares its own store would otherwise override a variable.
    eventstore: Any = SINKHOLE
    """Stores every handled message; by default none is stored."""

    _uow_state: _State

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)
        refuse_hidden(cls, annotations_of(cls))
        refuse_hidden(cls, (name for name in HIDDEN if hasattr(cls, name)))

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        # Not in __init__, which subclasses need not call; they may also be frozen.
        self = super().__new__(cls)
        releases = cls.end_transaction is not AsyncAbstractUnitOfWork.end_transaction
        object.__setattr__(self, "_uow_state", _State(releases=releases))
        return self

    def collect_new_events(self) -> Iterator[Message[Any]]:
        """Take the messages that the models of the repositories have raised.

        Returns:
            The messages in the order they were raised: those of one model as they stand in
            its list, those of several models by the order of their identifiers.
        """
        state = self._uow_state
        if state.size != len(state.attributes):
            state.repositories = repositories_among(self._attributes())
            state.attributes = self.__dict__
            state.size = len(self.__dict__)
        for repository in state.repositories:
            if repository.seen:
                return take_messages(state.repositories)
        return NO_MESSAGES

    def _give_back(self, messages: list[Message[Any]]) -> None:
        """Let *collect_new_events* return messages once more, as if a model had raised them."""
        for repository in self._uow_state.repositories[:1]:
            repository.seen.append(Raised(messages))

    def runs_transaction(self, transaction: AsyncUnitOfWorkTransaction[TRepositories]) -> bool:
        """Tell whether *transaction* is the running one."""
        return self._uow_state.running[:1] == [transaction]

    async def end_transaction(self) -> None:
        """End the running transaction. Override it to release what it has acquired."""
        del self._uow_state.running[:1]

    def savepoint(self) -> AbstractAsyncContextManager[object]:
        """Begin a savepoint: what is done in its block is undone if an error leaves the block.

        Override it where there are savepoints, such as with *begin_nested* of a session.

        Raises:
            ConfigurationError: the unit of work has no savepoints.
        """
        text = f"{type(self).__qualname__} has no savepoints"
        raise ConfigurationError(text, advice="Override its method savepoint.")

    def is_transient(self, error: BaseException) -> bool:  # noqa: ARG002
        """Tell whether a transaction that failed with this error may succeed in another attempt.

        Override it for a database: it is true of a serialization failure or a deadlock.
        """
        return False

    async def keep_failure(
        self,
        message: Message[Any],  # noqa: ARG002
        listener: str,  # noqa: ARG002
        error: Exception,  # noqa: ARG002
    ) -> bool:
        """Keep a message that an isolated listener could not handle. Override it to do so.

        Args:
            message: the message.
            listener: the module and name of the listener.
            error: what it raised.

        Returns:
            Whether the message is kept. Its error is logged in any case.
        """
        return False

    def _attributes(self) -> Iterator[object]:
        yield from list(self.__dict__.values())
        for cls in type(self).__mro__:
            for name in cls.__dict__.get("__slots__", ()):
                yield getattr(self, name, None)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in HIDDEN:
            refuse_hidden(type(self), (name,))
        super().__setattr__(name, value)
        state = self._uow_state
        state.size = -1
        if name == "eventstore" and state.running:
            state.running[0].use_eventstore(value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._uow_state.size = -1

    def __getstate__(self) -> dict[str, Any]:
        # A copy has a state of its own.
        return {name: value for name, value in self.__dict__.items() if name != "_uow_state"}

    async def __aenter__(
        self, transaction: AsyncUnitOfWorkTransaction[TRepositories, Self] | None = None
    ) -> AsyncUnitOfWorkTransaction[TRepositories, Self]:
        """Begin a transaction. Override it to acquire what each transaction needs.

        Args:
            transaction: the transaction to begin; a new one by default.

        Raises:
            TransactionError: another transaction of this unit of work is running.
        """
        state = self._uow_state
        if transaction is None:
            if state.has_begun:
                transaction = AsyncUnitOfWorkTransaction(self)
            else:
                transaction = AsyncGuardedTransaction(self)
                state.has_begun = True
        running = state.running
        running.append(transaction)
        if running[0] is not transaction:
            running.remove(transaction)
            error = TransactionError("The unit of work has a transaction that is still running.")
            error.add_note(
                f"One {type(self).__qualname__} runs one transaction at a time: leave the first, "
                "or make a unit of work for each task or thread."
            )
            raise error
        eventstore = self.eventstore
        if eventstore is not SINKHOLE or eventstore.publisher is not None or state.releases:
            transaction.use_eventstore(eventstore)
        return transaction

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        state = self._uow_state
        if not state.running:
            return
        transaction = state.running[0]
        if exc is None and transaction.status is _COMMITTED and transaction.bare:
            # The most frequent end has nothing left to do; a call more costs 5 % of a dispatch.
            transaction.status = _CLOSED
            del state.running[0]
        else:
            await transaction.__aexit__(exc_type, exc, tb)

    @abc.abstractmethod
    async def commit(self) -> None:
        """Commit the transaction."""

    @abc.abstractmethod
    async def rollback(self) -> None:
        """Roll the transaction back."""

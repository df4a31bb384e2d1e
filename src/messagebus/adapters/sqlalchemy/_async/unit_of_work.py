"""The unit of work on SQLAlchemy, with a session for each transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Self

from typing_extensions import TypeVar

from ...._compat.aio import adapt, finish
from ....domain.model import Message
from ....exceptions import TransactionError
from ....inbox.dead_letter import DeadLetter
from ....serialization.serializer import AbstractMessageSerializer, MessageSerializer
from ....service._async.guarded_transaction import AsyncGuardedTransaction
from ....service._async.unit_of_work import (
    AsyncAbstractUnitOfWork,
    AsyncUnitOfWorkTransaction,
    TRepositories,
)
from .._commit import commit
from .._compat.aio import AsyncEngine, AsyncSession, AsyncSessionFactory, call, close
from .._one_connection import keep_to_one, let_go
from .._savepoints import Savepoints, unwatch, watch
from ..engine import ensure_transactional
from ..errors import Meaning, meaning_of
from ..tables import OutboxTables, default_tables
from .eventstore import AsyncSQLAlchemyEventstore
from .inbox import AsyncSQLAlchemyInbox

TSQLAlchemyUow_co = TypeVar(
    "TSQLAlchemyUow_co",
    bound="AsyncSQLAlchemyUnitOfWork[Any]",
    covariant=True,
    default="AsyncSQLAlchemyUnitOfWork[Any]",
)


class AsyncSQLAlchemyTransaction(AsyncGuardedTransaction[TRepositories, TSQLAlchemyUow_co]):
    """A transaction with a typed session."""

    @property
    def session(self) -> AsyncSession:
        """The session of the transaction."""
        return self.uow.session


class AsyncSQLAlchemyUnitOfWork(AsyncAbstractUnitOfWork[TRepositories]):
    """A unit of work that opens a session for each transaction and always closes it.

    Override *attach* to create the repositories of a transaction. Statements can also be executed
    with *session*, which every transaction has.

    Args:
        bind: an engine, or a session factory. The sessions made for an engine leave objects
            readable after the commit, and cannot be used once closed.
        tables: the tables that store the messages.
        on_published: called after each commit that has stored a published message, such as
            the *wake* of a relay in the same process. It must not fail.
        serializer: called when the row of a message is written. Its *payload*, a string, is
            stored and sent unchanged; its other keys must equal those of *MessageSerializer*,
            because the relay rebuilds them from the row.

    Raises:
        ConfigurationError: the engine is in AUTOCOMMIT, or for SQLite and not prepared, or
            *on_published* belongs to the other colour.
    """

    session: AsyncSession
    """The session of the running transaction."""
    eventstore: AsyncSQLAlchemyEventstore
    """The messages that the running transaction has handled."""

    def __init__(
        self,
        bind: AsyncEngine | AsyncSessionFactory,
        *,
        tables: OutboxTables = default_tables,
        on_published: Callable[[], object] | None = None,
        serializer: AbstractMessageSerializer = MessageSerializer(),  # noqa: B008
    ) -> None:
        engine = bind if isinstance(bind, AsyncEngine) else bind.kw.get("bind")
        if isinstance(engine, AsyncEngine):
            ensure_transactional(engine)
        self.eventstore = AsyncSQLAlchemyEventstore(serializer)
        # A factory creates a session class of its own, too expensive for each unit of work.
        self._new_session: Callable[[], AsyncSession] = (
            partial(AsyncSession, bind, expire_on_commit=False, close_resets_only=False)
            if isinstance(bind, AsyncEngine)
            else bind
        )
        self._tables = tables
        if on_published is not None:
            adapt(on_published)  # refuses one of the other colour
        self._on_published = on_published

    @property
    def inbox(self) -> AsyncSQLAlchemyInbox:
        """What consumers have handled, written in the running transaction."""
        return AsyncSQLAlchemyInbox(self, self._tables)

    def attach(self, session: AsyncSession) -> None:
        """Set the repositories of a transaction as attributes; override it.

        Args:
            session: the session of the new transaction.
        """

    async def commit(self) -> None:
        """Commit the session, together with the handled messages in one insert.

        Raises:
            DuplicateMessageError: a message is already stored.
            ConfigurationError: the tables do not exist, or are of another version.
            SplitTransactionError: the session writes through another engine than its messages.
            TransactionError: the commit has failed before.
            sqlalchemy.exc.SQLAlchemyError: the database refuses the commit; the transaction can
                only be rolled back.
        """
        if self.eventstore.transaction is None:
            text = "The commit has failed; the transaction can only be rolled back"
            raise TransactionError(text)
        rows = self.eventstore.rows
        published = any(row["published"] for row in rows)
        self.eventstore.end()
        await call(self.session, commit, self._tables, rows, published=published)
        if published and self._on_published is not None:
            await finish(self._on_published(), self._on_published)

    async def rollback(self) -> None:
        """Roll back the session, and drop the handled messages."""
        self.eventstore.end()
        await self.session.rollback()

    def savepoint(self) -> AbstractAsyncContextManager[object]:
        """Begin a savepoint of the session, which also takes back the messages of its block."""
        return self.session.begin_nested()

    def is_transient(self, error: BaseException) -> bool:
        """Tell whether the database has rolled back because another transaction was in the way.

        That is so after a serialization failure, a deadlock, or a wait for a lock.
        """
        return meaning_of(error) is Meaning.AGAIN

    async def keep_failure(self, message: Message[Any], listener: str, error: Exception) -> bool:
        """Keep a message that a listener could not handle as a dead letter, with the commit."""
        transaction = self.eventstore.transaction
        wire = dict(self.eventstore.serializer.serialize_message(message))
        if transaction is not None:
            causation_id = transaction.causation_id
            wire["causation_id"] = None if causation_id is None else str(causation_id)
            wire["correlation_id"] = str(transaction.correlation_id)
        await self.inbox.bury(DeadLetter.of_listener(listener, message, wire, error))
        return True

    async def end_transaction(self) -> None:
        """Close the session of the transaction."""
        unwatch(self.session)
        let_go(self.session)
        try:
            await close(self.session)
        finally:
            await super().end_transaction()

    async def __aenter__(
        self, transaction: AsyncUnitOfWorkTransaction[TRepositories, Self] | None = None
    ) -> AsyncSQLAlchemyTransaction[TRepositories, Self]:
        """Begin a transaction with a session of its own.

        Args:
            transaction: the transaction to begin; a new one by default.

        Raises:
            TransactionError: another transaction of this unit of work is running.
        """
        begun = AsyncSQLAlchemyTransaction(self) if transaction is None else transaction
        await super().__aenter__(begun)
        session = self._new_session()
        try:
            self.session = session
            rows = self.eventstore.begin(begun)
            watch(session, Savepoints(rows, vars(self).values))
            keep_to_one(session, self._tables)
            await finish(self.attach(session), self.attach)  # type: ignore[func-returns-value,unused-ignore]
        except BaseException:
            self.eventstore.end()
            await close(session)
            await super().end_transaction()
            raise
        return begun  # type: ignore[return-value]

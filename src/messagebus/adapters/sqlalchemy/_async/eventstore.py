"""The eventstore: the messages of a transaction, written with its commit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ....domain.model import Message
from ....exceptions import DuplicateMessageError, TransactionError
from ....serialization.serializer import AbstractMessageSerializer, MessageSerializer
from ....serialization.wire import TRACE_CONTEXT
from ....service._async.repository import AsyncEventstoreAbstractRepository
from ....service._async.unit_of_work import AsyncUnitOfWorkTransaction
from .._rows import new_row

_NO_CONTEXT = dict.fromkeys(TRACE_CONTEXT)


class AsyncSQLAlchemyEventstore(AsyncEventstoreAbstractRepository):
    """Collect the handled messages; the unit of work writes them to the table with its commit.

    The relay sends the published ones from the table, so that nothing is lost if the process
    dies. An eventstore belongs to one unit of work and is never shared.

    Args:
        serializer: writes the payloads.
    """

    def __init__(
        self,
        serializer: AbstractMessageSerializer = MessageSerializer(),  # noqa: B008
    ) -> None:
        super().__init__()
        self.serializer: AbstractMessageSerializer = serializer
        """Writes the payloads."""
        self._rows: dict[UUID, dict[str, Any]] = {}
        self._has_context = False
        self.transaction: AsyncUnitOfWorkTransaction[Any] | None = None
        """The transaction whose messages are collected; None once its commit has begun."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the messages that the running transaction has handled, in handling order."""
        if not self._has_context:
            return list(self._rows.values())
        # An insert of many rows needs the same columns in all of them.
        return [{**_NO_CONTEXT, **row} for row in self._rows.values()]

    def begin(self, transaction: AsyncUnitOfWorkTransaction[Any]) -> dict[UUID, dict[str, Any]]:
        """Collect the messages of *transaction* from now on, with their causes.

        Returns:
            Their rows by identifier, which a savepoint that is rolled back takes back.
        """
        self.transaction = transaction
        self._rows = {}
        self._has_context = False
        return self._rows

    def end(self) -> None:
        """Drop the messages that are not written, and accept no more."""
        self.transaction = None
        self._rows = {}

    async def _add(self, message: Message[Any]) -> None:
        """Add a message.

        Raises:
            UnstorableMessageError: its content would not come back from the database unchanged,
                or the serializer failed.
            DuplicateMessageError: the transaction has handled it before.
            TransactionError: no transaction is running, or its commit has failed.
        """
        transaction = self.transaction
        if transaction is None:
            text = "The eventstore accepts messages in a running transaction only"
            raise TransactionError(text)
        row = new_row(
            message, transaction.causation_id, transaction.correlation_id, self.serializer
        )
        if transaction.trace_context is not None and row["published"]:
            row |= transaction.trace_context(message)
            self._has_context = True
        if self._rows.setdefault(message.message_id, row) is not row:
            raise DuplicateMessageError([message.message_id])

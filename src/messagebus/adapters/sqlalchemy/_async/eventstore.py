"""The eventstore: every message of a transaction, written in that transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ....domain.model import Message
from ....exceptions import DuplicateMessageError, TransactionError
from ....service._async.repository import AsyncEventstoreAbstractRepository
from ....service._async.unit_of_work import AsyncUnitOfWorkTransaction
from .._rows import new_row


class AsyncSQLAlchemyEventstore(AsyncEventstoreAbstractRepository):
    """Take what is handled; the unit of work writes it to the table with its commit.

    What is published is sent from the table, by the relay: nothing is lost if the process
    ends before. An eventstore is of one unit of work, and never shared.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[UUID, dict[str, Any]] = {}
        self._transaction: AsyncUnitOfWorkTransaction[Any] | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the running transaction has handled, in handling order, as rows of the table."""
        return list(self._rows.values())

    def begin(self, transaction: AsyncUnitOfWorkTransaction[Any]) -> None:
        """Take the messages of *transaction* from now on, with their causes."""
        self._transaction = transaction
        self._rows = {}

    def end(self) -> None:
        """Forget the messages that are not written, and take no more."""
        self._transaction = None
        self._rows = {}

    async def _add(self, message: Message[Any]) -> None:
        """Take a message.

        Raises:
            UnstorableMessageError: it has content that would not come back as it was.
            DuplicateMessageError: the transaction has handled it before.
            TransactionError: no transaction is running, or its commit has failed.
        """
        transaction = self._transaction
        if transaction is None:
            text = "The eventstore takes messages in a running transaction only"
            raise TransactionError(text)
        row = new_row(message, transaction.causation_id, transaction.correlation_id)
        if self._rows.setdefault(message.message_id, row) is not row:
            raise DuplicateMessageError([message.message_id])

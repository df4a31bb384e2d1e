"""The eventstore in memory: the messages of a transaction, kept with its commit."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from ....domain.model import Message
from ....exceptions import DuplicateMessageError, TransactionError
from ....serialization.serializer import AbstractMessageSerializer, MessageSerializer
from ....serialization.storability import storable
from ....serialization.wire import WireMessage, iso_format, to_wire
from ....service._async.repository import AsyncEventstoreAbstractRepository
from ....service._async.unit_of_work import AsyncUnitOfWorkTransaction
from ..session import MemorySession
from ..store import StoredMessage


class AsyncMemoryEventstore(AsyncEventstoreAbstractRepository):
    """Collect the handled messages; the unit of work keeps them with its commit.

    It refuses what a database would refuse.

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
        self.transaction: AsyncUnitOfWorkTransaction[Any] | None = None
        """The transaction whose messages are collected; None once its commit has begun."""
        self._session: MemorySession | None = None

    def begin(self, transaction: AsyncUnitOfWorkTransaction[Any], session: MemorySession) -> None:
        """Collect the messages of a transaction from now on."""
        self.transaction = transaction
        self._session = session

    def end(self) -> None:
        """Accept no more messages."""
        self.transaction = self._session = None

    def wire(self, message: Message[Any], payload: str) -> WireMessage:
        """Return what a relay sends of a message that is handled now."""
        wire = to_wire(message, payload)
        wire["created_at"] = iso_format(message.created_at.astimezone(UTC))
        if self.transaction is not None:
            causation_id = self.transaction.causation_id
            wire["causation_id"] = None if causation_id is None else str(causation_id)
            correlation_id = self.transaction.correlation_id or message.message_id
            wire["correlation_id"] = str(correlation_id)
        return wire

    async def _add(self, message: Message[Any]) -> None:
        """Add a message.

        Raises:
            UnstorableMessageError: a database would refuse its content, or not return it
                unchanged, or the serializer failed.
            DuplicateMessageError: the transaction has handled it before.
            TransactionError: no transaction is running, or its commit has failed.
        """
        if self.transaction is None or self._session is None:
            text = "The eventstore accepts messages in a running transaction only"
            raise TransactionError(text)
        wire: Any = self.wire(message, storable(message, self.serializer).payload)
        published = message.metadata.published
        if self.transaction.trace_context is not None and published:
            wire |= self.transaction.trace_context(message)
        copied = message.model_copy(deep=True)
        stored = StoredMessage(copied, wire, "pending" if published else None)
        if self._session.messages.setdefault(message.message_id, stored) is not stored:
            raise DuplicateMessageError([message.message_id])

"""The store in memory: what units of work have committed."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar
from uuid import UUID

from ...domain.model import Message
from ...inbox.dead_letter import DeadLetter
from ...serialization.wire import WireMessage

T = TypeVar("T")

LETTERS = "dead letters"
"""The name of the table of the dead letters."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it was when it was handled.

    Attributes:
        message: a copy of the message.
        wire: what a relay sends of it.
        state: ``pending``, ``sent`` or ``parked``; None if it is not published.
        reason: why it was parked.
    """

    message: Message[Any]
    wire: WireMessage
    state: Literal["pending", "sent", "parked"] | None
    reason: str | None = None


class MemoryStore:
    """The models, messages and dead letters that units of work in memory have committed.

    Units of work that are given one store see what the others have committed, as those on one
    database do, whatever thread or event loop they run in.
    """

    def __init__(self) -> None:
        self.lock: AbstractContextManager[Any] = threading.RLock()
        """Held while a transaction is committed."""
        self.relaying: threading.Lock = threading.Lock()
        """Held by the relay that sends messages."""
        self.tables: dict[Any, dict[Any, Any]] = {}
        """What is committed. An object in it is replaced, and never changed."""
        self.stored: dict[UUID, StoredMessage] = {}
        """The handled messages, in the order of the commits."""

    def table(self, model: type[T]) -> Mapping[Any, T]:
        """Return copies of the committed models of a class, by their keys."""
        with self.lock:
            return {key: copy.deepcopy(row) for key, row in self.tables.get(model, {}).items()}

    @property
    def messages(self) -> list[Message[Any]]:
        """The messages that were handled and committed, in handling order."""
        with self.lock:
            return [each.message for each in self.stored.values()]

    @property
    def published(self) -> list[Message[Any]]:
        """Those of them that are published, whether or not a relay has sent them."""
        with self.lock:
            return [each.message for each in self.stored.values() if each.state is not None]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """What consumers and isolated listeners could not handle."""
        with self.lock:
            return list(self.tables.get(LETTERS, {}).values())

    def pending(self) -> list[tuple[UUID, StoredMessage]]:
        """Return the messages that wait to be sent, by identifier."""
        with self.lock:
            return [(id, each) for id, each in self.stored.items() if each.state == "pending"]

    def decide(self, id: UUID, state: Literal["sent", "parked"], reason: str | None = None) -> None:
        """Note what has become of a message."""
        with self.lock:
            self.stored[id] = replace(self.stored[id], state=state, reason=reason)

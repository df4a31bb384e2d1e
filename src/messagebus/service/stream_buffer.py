"""What a running transaction will publish, kept apart from every other transaction.

An eventstore may be shared by many units of work. Each transaction therefore brings a buffer
of its own, and the current context (a task, a thread) tells which one an added message is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..domain.model import Message


class StreamBuffer:
    """The messages that one transaction has added to one eventstore."""

    __slots__ = ("_outer", "committed", "eventstore", "messages")

    def __init__(self, eventstore: object) -> None:
        self.eventstore = eventstore
        self.messages: list[Message[Any]] = []
        self.committed = False
        self._outer: StreamBuffer | None = None

    def open(self) -> None:
        """Make it the buffer of the current context, until it is closed."""
        self._outer = _nearest_open(_current.get())
        _current.set(self)

    def close(self) -> None:
        """Drop what is left, and give the context back to the transaction around this one."""
        self.eventstore = None
        self.messages = []
        self._outer = _nearest_open(self._outer)
        if _current.get() is self:
            _current.set(self._outer)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make it the buffer of the current context for the length of a block.

        A transaction may be opened in one context and used in another, as a fixture of a test
        or a dependency of a web framework does.
        """
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[StreamBuffer | None] = ContextVar("messagebus_stream_buffer", default=None)


def current_stream_buffer(eventstore: object) -> StreamBuffer | None:
    """Find the buffer of the transaction that runs in this context on *eventstore*.

    Transactions may be nested; of those on one eventstore, it is the innermost that counts.

    Returns:
        None outside of a transaction, or if all are of other eventstores.
    """
    buffer = _current.get()
    while buffer is not None and buffer.eventstore is not eventstore:
        buffer = buffer._outer
    return buffer


def _nearest_open(buffer: StreamBuffer | None) -> StreamBuffer | None:
    """Return the buffer, or the nearest around it that is not closed: they close in any order."""
    while buffer is not None and buffer.eventstore is None:
        buffer = buffer._outer
    return buffer

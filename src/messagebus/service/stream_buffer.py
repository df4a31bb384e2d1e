"""Buffers the messages that a running transaction will publish.

Several units of work may share an eventstore, so each transaction has a buffer of its own. The
current context (a task or a thread) tells which buffer an added message belongs to.
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
        self.eventstore: object = eventstore
        self.messages: list[Message[Any]] = []
        self.committed: bool = False
        self._outer: StreamBuffer | None = None

    def open(self) -> None:
        """Make this the buffer of the current context until it is closed."""
        self._outer = _nearest_open(_current.get())
        _current.set(self)

    def close(self) -> None:
        """Drop the remaining messages and restore the buffer of the outer transaction."""
        self.eventstore = None
        self.messages = []
        self._outer = _nearest_open(self._outer)
        if _current.get() is self:
            _current.set(self._outer)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the buffer of the current context for the duration of a block.

        A transaction may be opened in one context and used in another, as a fixture of a test or
        a dependency of a web framework does.
        """
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[StreamBuffer | None] = ContextVar("messagebus_stream_buffer", default=None)


def current_stream_buffer(eventstore: object) -> StreamBuffer | None:
    """Find the buffer of the innermost transaction of this context that uses *eventstore*.

    Returns:
        The buffer; None outside a transaction, or if no transaction uses this eventstore.
    """
    buffer = _current.get()
    while buffer is not None and buffer.eventstore is not eventstore:
        buffer = buffer._outer
    return buffer


def _nearest_open(buffer: StreamBuffer | None) -> StreamBuffer | None:
    """Return the buffer or the nearest outer one that is open; they close in any order."""
    while buffer is not None and buffer.eventstore is None:
        buffer = buffer._outer
    return buffer

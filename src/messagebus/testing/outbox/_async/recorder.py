"""A transport that records messages, duplicates included, and fails on request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ....exceptions import TransportUnavailableError
from ....service._async.eventstream import AsyncAbstractEventstreamTransport


class AsyncRecorder(AsyncAbstractEventstreamTransport):
    """Records every message in order.

    Attributes:
        sent: the accepted messages.
        down: while it is True, the broker is away.
        poison: the error to raise for each of these identifiers.
        tried: the identifiers of all messages that were tried.
        before: called with each message before it is accepted.
    """

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.down = False
        self.poison: dict[str, BaseException] = {}
        self.tried: list[str] = []
        self.before: Callable[[Mapping[str, Any]], object] | None = None
        self._outcomes: deque[Exception | None] = deque()

    @property
    def ids(self) -> list[str]:
        """The identifiers of the accepted messages."""
        return [message["id"] for message in self.sent]

    def fail(self, error: Exception, *, after: int = 0, times: int = 1) -> None:
        """Accept *after* messages, then fail *times* times."""
        self._outcomes += [None] * after + [error] * times

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Record the message, or fail."""
        self.tried.append(message["id"])
        if self.before is not None:
            self.before(message)
        if self.down:
            text = "The broker is away"
            raise TransportUnavailableError(text)
        if error := self.poison.get(message["id"]):
            raise error
        if self._outcomes and (failure := self._outcomes.popleft()):
            raise failure
        self.sent.append(message)

"""A transport that records what it is sent, and fails when told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....adapters.memory._async.transport import AsyncMemoryTransport
from ....service._async.eventstream import AsyncAbstractEventstreamTransport


class AsyncRecorder(AsyncMemoryTransport):
    """Record every message, repeated ones included.

    Attributes:
        sent: the messages that were accepted.
        down: set it to refuse every message until it is unset.
        poison: the errors to raise for messages, by identifier.
        tried: the identifiers of all messages that were offered, accepted or not.
        before: called with each message before it is accepted.
    """

    def __init__(self) -> None:
        super().__init__(deduplicate=False)
        self.poison: dict[str, BaseException] = {}
        self.tried: list[str] = []
        self.before: Callable[[Mapping[str, Any]], object] | None = None

    @property
    def ids(self) -> list[str]:
        """The identifiers of the messages that were accepted."""
        return [message["id"] for message in self.sent]

    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Record the message, or fail."""
        id = message.get("id", "")
        self.tried.append(id)
        if self.before is not None:
            self.before(message)
        if not self.down and (error := self.poison.get(id)):
            raise error
        await super().send_message_serialized(message)

    async def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send the messages one by one, so that each passes `send_message_serialized`."""
        await AsyncAbstractEventstreamTransport.send_messages_serialized(self, messages)

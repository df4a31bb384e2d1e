"""Where published messages go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from messagebus import AsyncAbstractEventstreamTransport


class CollectingTransport(AsyncAbstractEventstreamTransport):
    """Keep every message that is sent, in the order of sending."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    @override
    async def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)

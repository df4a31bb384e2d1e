"""The transport that keeps messages in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ....exceptions import TransportUnavailableError
from ..._transport._async.transport import AsyncBrokerTransport
from ..._transport.encoding import Parcel, id_of, json_of
from ..._transport.options import split_options, truth
from ..group import Group


class AsyncMemoryTransport(AsyncBrokerTransport[dict[str, Any]]):
    """Keep messages in the order in which they are sent.

    A message that JSON cannot express is refused, as any broker would refuse it.

    Args:
        deduplicate: keep one message for each identifier, as a broker does.

    Attributes:
        sent: the accepted messages.
        down: while it is True, no message is accepted.
    """

    system: str = "memory"

    def __init__(self, *, deduplicate: bool = True) -> None:
        super().__init__(patience=0.0)  # it fails exactly as often as requested
        self.sent: list[dict[str, Any]] = []
        self.down = False
        self._deduplicate = deduplicate
        self._known: set[str] = set()
        self._outcomes: deque[Exception | None] = deque()
        self._groups: dict[tuple[str, int], Group] = {}

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Create a transport from ``memory:``.

        Raises:
            ConfigurationError: an option is unknown, or has a wrong value.
        """
        _, options = split_options(url, {"deduplicate": truth})
        return cls(**options)

    def fail(self, error: Exception, *, after: int = 0, times: int = 1) -> None:
        """Refuse some of the next messages.

        Calls add up: each begins where the one before it ends.

        Args:
            error: the error to raise.
            after: how many messages to accept first.
            times: how many messages to refuse.
        """
        self._outcomes += [None] * after + [error] * times

    def group(self, consumer: str, partitions: int) -> Group:
        """Return what the sources of a consumer share."""
        return self._groups.setdefault((consumer, partitions), Group(self.sent, partitions))

    def _encode(self, message: Mapping[str, Any]) -> Parcel[dict[str, Any]]:
        content = dict(message)
        return Parcel(message, content, len(json_of(content).encode()))

    async def _send(
        self, parcels: Sequence[Parcel[dict[str, Any]]]
    ) -> tuple[int, Exception | None]:
        for number, parcel in enumerate(parcels):
            if self.down:
                return number, TransportUnavailableError("The transport is down: down=True")
            outcome = self._outcomes.popleft() if self._outcomes else None
            if outcome is not None:
                return number, outcome
            self._keep(parcel.content)
        return len(parcels), None

    def _keep(self, message: dict[str, Any]) -> None:
        id = id_of(message)
        if not (self._deduplicate and id in self._known):
            self.sent.append(message)
        if id:
            self._known.add(id)

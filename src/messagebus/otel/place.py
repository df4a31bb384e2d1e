"""The place in a broker that messages are sent to or come from."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..inbox.delivery import Delivery
from . import conventions as names


class Place(NamedTuple):
    """What messages are sent to or come from.

    Attributes:
        system: the kind of broker.
        destination: the stream, queue or topic; None if it has no name.
    """

    system: str
    destination: str | None

    @classmethod
    def of(cls, delivery: Delivery) -> Place:
        """Return where a delivery comes from."""
        parts = delivery.origin.split(" ")
        return cls(parts[0] or "custom", parts[1] if len(parts) > 2 else None)

    def details(self, operation: str) -> dict[str, Any]:
        """Return what metrics and spans of an operation have in common."""
        details = {names.SYSTEM: self.system, names.OPERATION: operation}
        if self.destination is not None:
            details[names.DESTINATION] = self.destination
        return details

    def name(self, operation: str) -> str:
        """Return the name of the span of an operation."""
        return operation if self.destination is None else f"{operation} {self.destination}"

"""Messages for the rules."""

from __future__ import annotations

from ...domain.model import Command, Event, Metadata


class Ship(Command):
    """A private command, whose handler raises an event."""

    content: str = ""
    metadata: Metadata = Metadata(name="ship", schema_version=1)


class Shipped(Event):
    """A published event."""

    content: str = ""
    metadata: Metadata = Metadata(name="shipped", schema_version=3, published=True)

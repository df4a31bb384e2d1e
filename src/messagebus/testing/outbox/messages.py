"""Messages for the rules."""

from __future__ import annotations

from ...domain.model import Command, Event, Metadata, Model


class Ship(Command):
    """A private command."""

    content: str = ""
    metadata: Metadata = Metadata(name="ship", schema_version=1)


class Shipped(Event):
    """A published event."""

    content: str = ""
    metadata: Metadata = Metadata(name="shipped", schema_version=3, published=True)


class Parcel(Model):
    """An aggregate that raises events."""

"""Messages for the rules."""

from __future__ import annotations

from ...domain.model import Command, Event, Metadata, Model


class Ship(Command):
    """Nobody outside is told of it."""

    content: str = ""
    metadata: Metadata = Metadata(name="ship", schema_version=1)


class Shipped(Event):
    """Everybody is told of it."""

    content: str = ""
    metadata: Metadata = Metadata(name="shipped", schema_version=3, published=True)


class Parcel(Model):
    """Raises what has happened to it."""

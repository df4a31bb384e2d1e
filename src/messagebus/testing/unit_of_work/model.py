"""The model and the messages of the rules."""

from __future__ import annotations

from ...domain.model import Command, Event, Metadata, Model


class WeighParcel(Command):
    """A private command."""

    id: str = "1"
    metadata: Metadata = Metadata(name="weigh_parcel", schema_version=1)


class ParcelWeighed(Event):
    """A published event."""

    id: str = "1"
    kilograms: float = 0.0
    metadata: Metadata = Metadata(name="parcel_weighed", schema_version=1, published=True)


class Parcel(Model):
    """A parcel, kept by its *id*."""

    id: str
    kilograms: float = 0.0

    def weigh(self, kilograms: float) -> None:
        """Note the weight, and raise an event."""
        self.kilograms = kilograms
        self.messages.append(ParcelWeighed(id=self.id, kilograms=kilograms))

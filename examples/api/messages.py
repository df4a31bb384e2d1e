"""The commands that clients post, the answers that they get, and the events that follow.

A command is the body of its endpoint. What its envelope says (identity, time and metadata) is set
here: a body that has any of it is refused.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from messagebus import Command, Event, Field, Metadata, Returns

Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")]
"""Code of a show: letters, digits and dashes."""

Seats = Annotated[int, Field(ge=1, le=10_000)]
"""Number of seats."""


class Booking(BaseModel):
    """Seats that a customer has booked."""

    id: UUID
    show: str
    seats: int


class BoxOfficeCommand(Command):
    """Base class of the commands. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")


class OpenShow(BoxOfficeCommand):
    """Sell the seats of a show."""

    show: Code
    seats: Seats
    metadata: Metadata = Metadata(name="open_show", schema_version=1)


class BookSeats(BoxOfficeCommand, Returns[Booking]):
    """Book seats of a show."""

    show: Code
    seats: Seats
    metadata: Metadata = Metadata(name="book_seats", schema_version=1)


class SeatsBooked(Event):
    """A customer has booked seats."""

    booking: UUID
    show: Code
    seats: Seats
    metadata: Metadata = Metadata(name="seats_booked", schema_version=1, published=True)


class SoldOut(Event):
    """No seat of the show is left."""

    show: Code
    metadata: Metadata = Metadata(name="sold_out", schema_version=1, published=True)

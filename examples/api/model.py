"""Shows, with the rules that they enforce."""

from __future__ import annotations

from uuid import UUID

from messagebus import Model

from .messages import Booking, SeatsBooked, SoldOut


class BoxOfficeError(Exception):
    """Base class of the errors raised by a command that breaks a rule of the box office."""


class ShowExistsError(BoxOfficeError):
    """A show with this code is on sale already."""

    def __init__(self, show: str) -> None:
        super().__init__(f"the show {show} is on sale already")
        self.show = show


class UnknownShowError(BoxOfficeError):
    """No show has this code."""

    def __init__(self, show: str) -> None:
        super().__init__(f"there is no show {show}")
        self.show = show


class NotEnoughSeatsError(BoxOfficeError):
    """More seats were asked for than are free."""

    def __init__(self, show: str, seats: int, free: int) -> None:
        super().__init__(f"{seats} seats of the show {show} asked for, but {free} are free")
        self.show, self.seats, self.free = show, seats, free


class Show(Model):
    """A show, and its seats that are free."""

    show: str
    free: int

    def book(self, booking: UUID, seats: int) -> Booking:
        """Book seats.

        Args:
            booking: identity of the booking.
            seats: number of seats.

        Raises:
            NotEnoughSeatsError: fewer seats are free.
        """
        if seats > self.free:
            raise NotEnoughSeatsError(self.show, seats, self.free)
        self.free -= seats
        self.messages.append(SeatsBooked(booking=booking, show=self.show, seats=seats))
        if not self.free:
            self.messages.append(SoldOut(show=self.show))
        return Booking(id=booking, show=self.show, seats=seats)

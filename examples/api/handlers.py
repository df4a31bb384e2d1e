"""The handlers of the commands."""

from __future__ import annotations

from messagebus import async_listen

from .messages import Booking, BookSeats, OpenShow
from .model import Show
from .storage import UnitOfWork


@async_listen
async def open_show(command: OpenShow, uow: UnitOfWork) -> None:
    """Put a show on sale."""
    await uow.shows.add(Show(show=command.show, free=command.seats))


@async_listen
async def book_seats(command: BookSeats, uow: UnitOfWork) -> Booking:
    """Book seats. The booking has the identity of its command, which no client chooses."""
    show = await uow.shows.get(command.show)
    booking = show.book(command.message_id, command.seats)
    await uow.shows.save(show)
    return booking

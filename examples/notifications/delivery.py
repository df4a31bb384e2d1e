"""Delivery of notifications: letters to users, a board for the staff."""

from __future__ import annotations

from messagebus import Depends

from .components import subscriber
from .dependencies import Mailer, get_board, get_mailer
from .messages import Notification


@subscriber.subscribe("letters")
def send(notification: Notification, mailer: Mailer = Depends(get_mailer)) -> None:
    """Send a letter."""
    mailer.send(notification)


@subscriber.subscribe("letters", "board")
def pin(notification: Notification, board: list[Notification] = Depends(get_board)) -> None:
    """Pin a notification or a copy of a letter to the board."""
    board.append(notification)

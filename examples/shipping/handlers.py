"""The handlers of the shop's events."""

from __future__ import annotations

from messagebus import sync_listen

from .messages import OrderCancelled, OrderTaken
from .unit_of_work import UnitOfWork


class UnknownOrderError(Exception):
    """The shop has cancelled an order that it has not taken."""


@sync_listen
def plan_shipment(event: OrderTaken, uow: UnitOfWork) -> None:
    """Plan to ship an order."""
    uow.shipments.plan(event.order_id, sum(line.quantity for line in event.lines))


@sync_listen
def cancel_shipment(event: OrderCancelled, uow: UnitOfWork) -> None:
    """Keep an order from being shipped."""
    if not uow.shipments.cancel(event.order_id):
        raise UnknownOrderError(event.order_id)

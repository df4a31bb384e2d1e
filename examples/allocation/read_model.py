"""The read model: where each line of an order gets its goods from, ready to be read.

Its listeners write it in the transaction of the events, so it is never behind.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from messagebus import sync_listen
from messagebus.adapters.sqlalchemy import READ_ONLY

from .messages import Allocated, Deallocated
from .tables import allocations as table
from .unit_of_work import UnitOfWork


class Allocation(NamedTuple):
    """A line of an order and its batch."""

    sku: str
    quantity: int
    batch: str


@sync_listen
def add_allocation(event: Allocated, uow: UnitOfWork) -> None:
    """Note the batch of a line."""
    uow.session.execute(sa.insert(table).values(line_of(event) | {"batch": event.batch}))


@sync_listen
def remove_allocation(event: Deallocated, uow: UnitOfWork) -> None:
    """Forget the batch of a line."""
    uow.session.execute(sa.delete(table).filter_by(**line_of(event)))


def line_of(event: Allocated | Deallocated) -> dict[str, str | int]:
    """Return what tells a line from all others."""
    return {"order_id": event.order_id, "sku": event.sku, "quantity": event.quantity}


def allocations_of(order_id: str, engine: Engine) -> list[Allocation]:
    """Return the lines of an order that have a batch."""
    query = sa.select(table.c.sku, table.c.quantity, table.c.batch).filter_by(order_id=order_id)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return [Allocation(*row) for row in connection.execute(query.order_by(table.c.sku))]

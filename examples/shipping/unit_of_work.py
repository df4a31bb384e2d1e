"""The unit of work of the service."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session
from typing_extensions import override

from messagebus import Model, SyncAbstractRepository
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork

from .tables import shipments


class Shipments(SyncAbstractRepository[Model]):
    """The shipments, by statements of SQLAlchemy Core."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def plan(self, order_id: str, items: int) -> None:
        """Plan a shipment."""
        values = {"order_id": order_id, "items": items, "state": "planned", "changes": 1}
        self._session.execute(sa.insert(shipments).values(values))

    def cancel(self, order_id: str) -> bool:
        """Cancel a shipment; return whether there is one."""
        values = {"state": "cancelled", "changes": shipments.c.changes + 1}
        statement = sa.update(shipments).where(shipments.c.order_id == order_id).values(values)
        return bool(self._session.execute(statement.returning(shipments.c.order_id)).all())


class UnitOfWork(SyncSQLAlchemyUnitOfWork[Shipments]):
    """A transaction of the service."""

    shipments: Shipments

    @override
    def attach(self, session: Session) -> None:
        self.shipments = Shipments(session)

"""Rollbacks of a session: each takes back the messages of what it undoes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from ...service.repository import RaisedSoFar, seen_models

_KEY = "messagebus.savepoints"


class Savepoints:
    """The savepoints of a transaction, each with the messages that there were when it began.

    Args:
        rows: the rows of the handled messages, in handling order.
        attributes: returns the attributes of the unit of work, its repositories among them.
    """

    def __init__(
        self, rows: dict[Any, dict[str, Any]], attributes: Callable[[], Iterable[object]]
    ) -> None:
        self._rows = rows
        self._attributes = attributes
        self._begun: dict[SessionTransaction, tuple[int, RaisedSoFar]] = {}

    def begin(self, savepoint: SessionTransaction) -> None:
        """Note how many messages were handled so far, and how many each model has raised."""
        self._begun[savepoint] = len(self._rows), RaisedSoFar(self._attributes)

    def roll_back(self, transaction: SessionTransaction) -> None:
        """Take back what was handled and raised since the innermost savepoint began.

        Without a savepoint, the data of the whole transaction are gone, and so are its messages.

        Args:
            transaction: what was rolled back: the savepoint, or a flush in it that has failed. The
                savepoint may be told again, when its block is left.
        """
        innermost: SessionTransaction | None = transaction
        while innermost is not None and not innermost.nested:
            innermost = innermost.parent
        if innermost is None:
            self._begun.clear()
            self._rows.clear()
            for model in seen_models(self._attributes()):
                model.messages.clear()
        if innermost not in self._begun:
            return
        handled, raised = self._begun.pop(innermost)
        for message_id in list(self._rows)[handled:]:
            del self._rows[message_id]
        raised.drop_later()


def watch(session: Any, savepoints: Savepoints) -> None:
    """Let a session, async or not, tell *savepoints* of its own."""
    session.info[_KEY] = savepoints


def unwatch(session: Any) -> None:
    """Undo *watch*, so that session and unit of work do not keep each other alive."""
    session.info.pop(_KEY, None)


@event.listens_for(Session, "after_transaction_create")
def _begin(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested and _KEY in session.info:
        session.info[_KEY].begin(transaction)


@event.listens_for(Session, "after_soft_rollback")
def _roll_back(session: Session, transaction: SessionTransaction) -> None:
    if _KEY in session.info:
        session.info[_KEY].roll_back(transaction)

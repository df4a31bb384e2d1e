"""One connection for the data and the messages of a transaction, whatever its session has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session

from ...exceptions import ConfigurationError, SplitTransactionError
from .engine import ensure_transactional
from .tables import OutboxTables

Bind = sa.Engine | sa.Connection

_KEY = "messagebus.one_connection"
_READS = {"select", "values", "table", "show", "explain", "pragma", "set", "begin", "start"}
_READS |= {"savepoint", "release", "rollback", "listen", "fetch", "declare", "close"}
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(\w+)", re.DOTALL)
_WRITES_WITHIN = re.compile(r"\b(?:insert\s+into|update\s+\S+\s+set|delete\s+from|merge\s+into)\b")


class OneConnection:
    """Finds the connection for the messages of a session, and refuses to write through another.

    Reading through others is allowed, so that a session may read from replicas.

    Args:
        tables: the outbox.
    """

    def __init__(self, tables: OutboxTables) -> None:
        self._tables = tables
        self._bind: Bind | None = None
        self._watched: dict[sa.Connection, Callable[..., None]] = {}
        self._has_one_engine = False

    def connection(self, session: Session) -> sa.Connection:
        """Return the connection for the messages.

        Raises:
            ConfigurationError: the session is bound to nothing for them.
        """
        if self._has_one_engine or _has_one_engine(session):
            return session.connection()
        if (bind := self._find(session)) is None:
            raise _unbound()
        return session.connection(bind_arguments={"bind": bind})

    def begun(self, session: Session, connection: sa.Connection) -> None:
        """Watch a connection on which a session begins a transaction, if it is another one.

        Raises:
            ConfigurationError: it is that for the messages, and in AUTOCOMMIT.
        """
        if connection.engine is session.bind and _has_one_engine(session):
            self._has_one_engine = True
            return
        bind = self._find(session)
        if bind is None or bind.engine is not connection.engine:
            self._watch(connection, bind)
        else:
            ensure_transactional(bind)

    def release(self) -> None:
        """Watch no longer: a connection that the session was given may outlive it."""
        for connection, refuse in self._watched.items():
            event.remove(connection, "before_cursor_execute", refuse)
        self._watched.clear()

    def _find(self, session: Session) -> Bind | None:
        if self._bind is None:
            self._bind = _find_bind(session, self._tables)
        return self._bind

    def _watch(self, connection: sa.Connection, bind: Bind | None) -> None:
        if connection in self._watched:
            return

        def refuse(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if _writes(statement):
                if bind is None:
                    raise _unbound()
                raise SplitTransactionError(repr(connection.engine), repr(bind.engine))

        event.listen(connection, "before_cursor_execute", refuse)
        self._watched[connection] = refuse


def keep_to_one(session: Any, tables: OutboxTables) -> None:
    """Keep the writes of a session, async or not, to the connection for its messages."""
    session.info[_KEY] = OneConnection(tables)


def let_go(session: Any) -> None:
    """Undo *keep_to_one*."""
    if (one := session.info.pop(_KEY, None)) is not None:
        one.release()


def connection_of(session: Session) -> sa.Connection:
    """Return the connection for the messages of a session.

    Raises:
        ConfigurationError: the session is bound to nothing for them.
    """
    one: OneConnection = session.info[_KEY]
    return one.connection(session)


@event.listens_for(Session, "after_begin")
def _begin(session: Session, _transaction: object, connection: sa.Connection) -> None:
    if _KEY in session.info:
        session.info[_KEY].begun(session, connection)


def _binds(session: Session) -> dict[Any, Bind]:
    """Return what a session has bound to classes and tables, which SQLAlchemy has renamed."""
    binds = getattr(session, "binds", None) or getattr(session, "_Session__binds", None)
    return binds or {}


def _has_one_engine(session: Session) -> bool:
    has_usual_bind = isinstance(session.bind, sa.Engine) and not _binds(session)
    return has_usual_bind and type(session).get_bind is Session.get_bind


def _find_bind(session: Session, tables: OutboxTables) -> Bind | None:
    # A *get_bind* as in the documentation of SQLAlchemy sends to the primary what is flushed.
    flushing, session._flushing = session._flushing, True
    try:
        return session.get_bind(clause=sa.insert(tables.messages))
    except UnboundExecutionError:
        binds = set(_binds(session).values())
        return binds.pop() if len(binds) == 1 else None
    finally:
        session._flushing = flushing


def _writes(statement: str) -> bool:
    """Return whether a statement writes; of functions, only the database knows."""
    first = _FIRST_WORD.match(statement)
    word = "" if first is None else first[1].lower()
    if word == "with":
        return _WRITES_WITHIN.search(statement.lower()) is not None
    return word not in _READS


def _unbound() -> ConfigurationError:
    text = "The session is bound to several engines, and to none for the messages"
    advice = "Bind their table to the engine of the data: binds={tables.messages: engine}."
    return ConfigurationError(text, advice=advice)

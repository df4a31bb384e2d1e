"""The session in memory: a transaction over a store, with savepoints."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from ...exceptions import ConflictError, DuplicateMessageError, TransactionError
from ...service.repository import RaisedSoFar
from .store import MemoryStore, StoredMessage

T = TypeVar("T")

_NONE: Any = object()  # a key without a row


class MemoryTable(MutableMapping[Any, T]):
    """The rows of a table as one transaction sees them.

    A row is loaded once, as a copy of what is committed. The commit writes whatever was loaded, so
    a change of a row needs no further call.

    Args:
        session: the transaction.
        committed: the committed rows.
        clone: returns a copy of a row.
    """

    def __init__(
        self,
        session: MemorySession,
        committed: MutableMapping[Any, T],
        clone: Callable[[T], T],
    ) -> None:
        self._session = session
        self._committed = committed
        self._clone = clone
        self.rows: dict[Any, T] = {}
        """The rows that were loaded or added; a placeholder for a row that was deleted."""
        self._before: dict[Any, T] = {}

    def __getitem__(self, key: Any) -> T:
        self._session.ensure_open()
        if key not in self.rows:
            row = self._committed.get(key, _NONE)
            if row is _NONE:
                raise KeyError(key)
            self._before[key] = row
            self.rows[key] = self._clone(row)
        if self.rows[key] is _NONE:
            raise KeyError(key)
        return self.rows[key]

    def __setitem__(self, key: Any, row: T) -> None:
        self._session.ensure_open()
        self._before.setdefault(key, self._committed.get(key, _NONE))
        self.rows[key] = row

    def __delitem__(self, key: Any) -> None:
        self[key]  # it must be there
        self.rows[key] = _NONE

    def __iter__(self) -> Iterator[Any]:
        self._session.ensure_open()
        keys = dict.fromkeys([*self._committed, *self.rows])
        return (key for key in keys if self.rows.get(key) is not _NONE)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def conflicts(self) -> list[Any]:
        """Return the keys of the rows that another transaction has committed meanwhile."""
        return [
            key for key in self.rows if self._committed.get(key, _NONE) is not self._before[key]
        ]

    def write(self) -> None:
        """Write the rows to the store."""
        for key, row in self.rows.items():
            if row is _NONE:
                self._committed.pop(key, None)
            else:
                self._committed[key] = self._clone(row)
            self._before[key] = self._committed.get(key, _NONE)


class MemorySession:
    """A transaction over a store.

    Args:
        store: the store.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.messages: dict[UUID, StoredMessage] = {}
        """The messages that the transaction has handled, in handling order."""
        self._tables: dict[Any, MemoryTable[Any]] = {}
        self._is_open = True

    def table(self, model: type[T]) -> MutableMapping[Any, T]:
        """Return the models of a class by their keys, for a repository.

        Args:
            model: the class; any class whose objects can be copied.
        """
        return self._table(model, _copy)

    def facts(self, name: str) -> MutableMapping[Any, Any]:
        """Return the rows of a table whose rows are replaced and never changed."""
        return self._table(name, _same)

    def _table(self, name: Any, clone: Callable[[Any], Any]) -> MemoryTable[Any]:
        if name not in self._tables:
            committed = self.store.tables.setdefault(name, {})
            self._tables[name] = MemoryTable(self, committed, clone)
        return self._tables[name]

    def ensure_open(self) -> None:
        """Refuse the use of a session whose transaction has ended.

        Raises:
            TransactionError: it has ended.
        """
        if not self._is_open:
            text = "The transaction of this session has ended"
            raise TransactionError(text, advice="A repository belongs to one transaction.")

    def commit(self) -> None:
        """Write models and messages to the store, all or none.

        Raises:
            DuplicateMessageError: a message is already stored.
            ConflictError: another transaction has committed a change of the same rows.
        """
        with self.store.lock:
            if taken := [id for id in self.messages if id in self.store.stored]:
                raise DuplicateMessageError(taken)
            tables = self._tables.values()
            if conflicts := [key for table in tables for key in table.conflicts()]:
                raise ConflictError(conflicts)
            for table in tables:
                table.write()
            self.store.stored |= self.messages
        self.messages = {}

    def close(self) -> None:
        """Drop what is not committed, and refuse further use."""
        self._is_open = False
        self._tables = {}
        self.messages = {}

    @contextmanager
    def savepoint(self, attributes: Callable[[], Iterable[object]]) -> Iterator[None]:
        """Undo what is done in the block if an error leaves it.

        Args:
            attributes: returns the attributes of the unit of work, its repositories among them.
        """
        raised = RaisedSoFar(attributes)
        messages = dict(self.messages)
        tables = {name: dict(table.rows) for name, table in self._tables.items()}
        states = [
            (row, copy.deepcopy(row))
            for name, rows in tables.items()
            if isinstance(name, type)
            for row in rows.values()
            if row is not _NONE
        ]
        try:
            yield
        except BaseException:
            raised.drop_later()
            self.messages = messages
            for name, table in self._tables.items():
                table.rows = tables.get(name, {})
            for row, state in states:
                _restore(row, state)
            raise


def _same(row: T) -> T:
    return row


def _copy(row: T) -> T:
    """Return a copy of a model, which has raised no messages."""
    copied = copy.deepcopy(row)
    raised = getattr(copied, "messages", None)
    if isinstance(raised, MutableSequence):
        raised.clear()
    return copied


def _restore(row: Any, state: Any) -> None:
    """Give an object the attributes of its copy, but for the messages that it has raised."""
    raised = getattr(row, "messages", None)
    if isinstance(row, BaseModel):
        row.__setstate__(state.__getstate__())
        if raised is not None:
            row.__dict__["messages"] = raised
    elif isinstance(row, dict):
        row.clear()
        row.update(state)
    else:
        own = vars(row)
        kept = {"messages": own["messages"]} if "messages" in own else {}
        own.clear()
        own.update(vars(state) | kept)

"""Unit of work, eventstore and outbox on SQLite and PostgreSQL, with SQLAlchemy 2.

Needs the extra `sqlalchemy`, or `sqlite` or `postgres`, which include a driver.
"""

from __future__ import annotations

from ...exceptions import MissingExtraError
from ...retry import Backoff
from ...serialization.wire import row_to_wire as serialized

try:
    import sqlalchemy as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "sqlalchemy") from _error

from ._async.dead_letters import AsyncDeadLetters
from ._async.eventstore import AsyncSQLAlchemyEventstore
from ._async.history import AsyncMessageHistory
from ._async.inbox import AsyncSQLAlchemyInbox
from ._async.outbox import AsyncOutbox
from ._async.relay import AsyncOutboxRelay
from ._async.replay import AsyncReplay
from ._async.schema import async_create_tables, async_upgrade_tables
from ._async.unit_of_work import AsyncSQLAlchemyTransaction, AsyncSQLAlchemyUnitOfWork
from ._dead_letters import DeadLetterFilter, Replayed, StoredDeadLetter
from ._rows import StoredMessage
from ._selection import MessageFilter, Selected
from ._sync.dead_letters import SyncDeadLetters
from ._sync.eventstore import SyncSQLAlchemyEventstore
from ._sync.history import SyncMessageHistory
from ._sync.inbox import SyncSQLAlchemyInbox
from ._sync.outbox import SyncOutbox
from ._sync.relay import SyncOutboxRelay
from ._sync.replay import SyncReplay
from ._sync.schema import sync_create_tables, sync_upgrade_tables
from ._sync.unit_of_work import SyncSQLAlchemyTransaction, SyncSQLAlchemyUnitOfWork
from .engine import READ_ONLY, prepare_sqlite
from .message_tree import CausedMessage, MessageTree
from .replay_progress import ReplayProgress
from .status import Backlog, Leader, RelayStatus
from .tables import OutboxTables, define_tables, metadata
from .tables import default_tables as tables

__all__ = [
    "READ_ONLY",
    "AsyncDeadLetters",
    "AsyncMessageHistory",
    "AsyncOutbox",
    "AsyncOutboxRelay",
    "AsyncReplay",
    "AsyncSQLAlchemyEventstore",
    "AsyncSQLAlchemyInbox",
    "AsyncSQLAlchemyTransaction",
    "AsyncSQLAlchemyUnitOfWork",
    "Backlog",
    "Backoff",
    "CausedMessage",
    "DeadLetterFilter",
    "Leader",
    "MessageFilter",
    "MessageTree",
    "OutboxTables",
    "RelayStatus",
    "ReplayProgress",
    "Replayed",
    "Selected",
    "StoredDeadLetter",
    "StoredMessage",
    "SyncDeadLetters",
    "SyncMessageHistory",
    "SyncOutbox",
    "SyncOutboxRelay",
    "SyncReplay",
    "SyncSQLAlchemyEventstore",
    "SyncSQLAlchemyInbox",
    "SyncSQLAlchemyTransaction",
    "SyncSQLAlchemyUnitOfWork",
    "async_create_tables",
    "async_upgrade_tables",
    "define_tables",
    "metadata",
    "prepare_sqlite",
    "serialized",
    "sync_create_tables",
    "sync_upgrade_tables",
    "tables",
]

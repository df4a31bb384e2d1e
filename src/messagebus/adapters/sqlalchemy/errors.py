"""The errors of the databases by meaning, from their codes and not from the classes of a driver."""

from __future__ import annotations

import re
from enum import Enum
from ssl import SSLCertVerificationError

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ...exceptions import ConfigurationError, MessageBusError, MissingTableError


class Meaning(Enum):
    """What an error of the database means to whoever has called it."""

    AGAIN = "again"
    """Another transaction was in the way: the same transaction may succeed at once."""
    OUTAGE = "outage"
    """The database is away, full or read-only: connect again after a while."""
    MISSING = "missing"
    """A database, schema, table or column does not exist: a migration may create it."""
    CONFIGURATION = "configuration"
    """The user, its rights, the file or a pooler is wrong: somebody must change that."""
    BUG = "bug"
    """The statement or the program is wrong; also every error that is not of the database."""


SQLSTATES: dict[str, Meaning] = {
    # Codes of PostgreSQL, or their classes, which are the first two characters.
    "40": Meaning.AGAIN,  # 40001 serialization failure, 40P01 deadlock
    "55P03": Meaning.AGAIN,  # lock not available
    "57014": Meaning.AGAIN,  # cancelled by a user or a timeout
    "08": Meaning.OUTAGE,  # connection exception
    "25006": Meaning.OUTAGE,  # read-only transaction, as on a replica
    "25P03": Meaning.OUTAGE,  # the transaction was idle for too long
    "25P04": Meaning.OUTAGE,  # the transaction took too long
    "53": Meaning.OUTAGE,  # too many connections, no memory, disk full
    "57P": Meaning.OUTAGE,  # shutdown, crash, start, idle session
    "58": Meaning.OUTAGE,  # error of the system
    "XX": Meaning.OUTAGE,  # internal error
    "3D000": Meaning.MISSING,  # database
    "3F000": Meaning.MISSING,  # schema
    "42P01": Meaning.MISSING,  # table
    "42703": Meaning.MISSING,  # column
    "28": Meaning.CONFIGURATION,  # authentication
    "42501": Meaning.CONFIGURATION,  # insufficient privilege
    "42804": Meaning.CONFIGURATION,  # a column has another type
    "42883": Meaning.CONFIGURATION,  # no such operator, as for a column of another type
    "23502": Meaning.CONFIGURATION,  # a column that this package does not know is not null
    "XX001": Meaning.CONFIGURATION,  # the data is corrupted
    "XX002": Meaning.CONFIGURATION,  # an index is corrupted
    "26000": Meaning.CONFIGURATION,  # a pooler has lost a prepared statement
    "42P05": Meaning.CONFIGURATION,  # a pooler has kept one of another client
}

SQLITE: dict[str, Meaning] = {
    # Names of primary result codes; the extended ones begin with these.
    "SQLITE_ABORT": Meaning.AGAIN,
    "SQLITE_BUSY": Meaning.AGAIN,
    "SQLITE_INTERRUPT": Meaning.AGAIN,
    "SQLITE_LOCKED": Meaning.AGAIN,
    "SQLITE_PROTOCOL": Meaning.AGAIN,  # WAL could not be locked
    "SQLITE_SCHEMA": Meaning.AGAIN,
    "SQLITE_FULL": Meaning.OUTAGE,
    "SQLITE_IOERR": Meaning.OUTAGE,
    "SQLITE_NOMEM": Meaning.OUTAGE,
    "SQLITE_READONLY": Meaning.OUTAGE,
    "SQLITE_AUTH": Meaning.CONFIGURATION,
    "SQLITE_CANTOPEN": Meaning.CONFIGURATION,
    "SQLITE_CORRUPT": Meaning.CONFIGURATION,
    "SQLITE_NOTADB": Meaning.CONFIGURATION,
    "SQLITE_PERM": Meaning.CONFIGURATION,
    "SQLITE_CONSTRAINT_NOTNULL": Meaning.CONFIGURATION,
}

# Where there is no code: libpq keeps none for a connection that is refused, and SQLite has one for
# all that is wrong with a statement.
_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r'FATAL: +database "[^"]*" does not exist', "3D000"),
        (r"FATAL: +permission denied for database", "42501"),
        (r'FATAL: +role "[^"]*" does not exist', "28000"),
        (r"FATAL: +role .* is not permitted to log in", "28000"),
        (r"FATAL: +(no pg_hba\.conf entry|pg_hba\.conf rejects)", "28000"),
        (r"FATAL: .*authentication failed for user|no password supplied", "28P01"),
        (r"^no such table", "42P01"),
        (r"^no such column|has no column named", "42703"),
    )
)

POOLER_ADVICE = (
    "A pooler in transaction mode, such as PgBouncer, gives each transaction another connection of "
    "the server. Let it follow prepared statements (PgBouncer 1.21 or later, with "
    "max_prepared_statements), or let the driver prepare none: "
    "connect_args={'prepare_threshold': None} for psycopg; docs/durability/sqlalchemy.md has the "
    "arguments for asyncpg."
)
_ADVICE = {
    "25006": "The server is read-only, as a replica is. Connect to the primary.",
    "26000": POOLER_ADVICE,
    "42P05": POOLER_ADVICE,
    "42501": "Grant the user SELECT, INSERT, UPDATE and DELETE on the tables of the outbox, and "
    "USAGE on their schema.",
    "SQLITE_READONLY": "Let the user of this process write the file and its folder.",
    "SQLITE_CANTOPEN": "Create the folder of the file, and let the user of this process write it.",
}


def code_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error, or the name of its result code in SQLite.

    Args:
        error: an error of SQLAlchemy or of a driver.

    Returns:
        The code; None if the error has none.
    """
    original = (error.orig if isinstance(error, DBAPIError) else None) or error
    # psycopg and asyncpg; psycopg2; sqlite3 and aiosqlite.
    names = ("sqlstate", "pgcode", "sqlite_errorname")
    code: str | None = next(filter(None, (getattr(original, name, None) for name in names)), None)
    if isinstance(error, DBAPIError) and code in {None, "SQLITE_ERROR"}:
        text = str(original)
        return next((known for pattern, known in _TEXTS if pattern.search(text)), code)
    return code


def meaning_of(error: BaseException) -> Meaning:
    """Return what an error of the database means.

    Args:
        error: an error of SQLAlchemy, of a driver, or of the connection (*OSError*).
    """
    if isinstance(error, MessageBusError):
        if isinstance(error, MissingTableError):
            return Meaning.MISSING
        is_wiring = isinstance(error, ConfigurationError)
        return Meaning.CONFIGURATION if is_wiring else Meaning.BUG
    if (code := code_of(error)) is not None:
        table = SQLITE if code.startswith("SQLITE_") else SQLSTATES
        known = [prefix for prefix in table if code.startswith(prefix)]
        return table[max(known, key=len)] if known else Meaning.BUG
    if isinstance(error, SSLCertVerificationError):
        return Meaning.CONFIGURATION
    if isinstance(error, (OSError, PoolTimeoutError)):
        return Meaning.OUTAGE
    if isinstance(error, DBAPIError):
        # Drivers raise these without a code when a connection is refused or lost.
        is_lost = isinstance(error, (OperationalError, InterfaceError))
        return Meaning.OUTAGE if is_lost or error.connection_invalidated else Meaning.BUG
    return Meaning.BUG


def add_advice(error: BaseException) -> None:
    """Add what to do about an error of the database as a note, once, where its text is not enough.

    Args:
        error: an error of SQLAlchemy or of a driver.
    """
    code = code_of(error) or ""
    advice = next((_ADVICE[prefix] for prefix in _ADVICE if code.startswith(prefix)), None)
    if code == "08P01" and "prepared statement" in str(error):
        advice = POOLER_ADVICE
    if advice is not None and advice not in getattr(error, "__notes__", ()):
        error.add_note(advice)

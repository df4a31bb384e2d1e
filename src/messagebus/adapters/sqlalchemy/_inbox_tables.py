"""The tables of the inbox: what consumers have handled, and what they could not handle."""

from __future__ import annotations

import sqlalchemy as sa

from .column_types import POSITION, TIME


def define_inbox(metadata: sa.MetaData, *, prefix: str, schema: str | None) -> dict[str, sa.Table]:
    """Define the tables of the inbox in a *MetaData*; return them by name."""

    def who() -> tuple[sa.Column[str], sa.Column[object]]:
        consumer = sa.Column("consumer", sa.String(200), primary_key=True)
        return consumer, sa.Column("message_id", sa.Uuid, primary_key=True)

    inbox = sa.Table(
        f"{prefix}inbox",
        metadata,
        *who(),
        sa.Column("received_at", TIME, nullable=False),
        sa.Index(f"{prefix}inbox_received_idx", "consumer", "received_at"),
        schema=schema,
    )
    attempts = sa.Table(
        f"{prefix}attempts",
        metadata,
        *who(),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        schema=schema,
    )
    arrivals = sa.Table(
        f"{prefix}arrivals",
        metadata,
        sa.Column("consumer", sa.String(200), primary_key=True),
        sa.Column("log", sa.String(300), primary_key=True),
        sa.Column("first", sa.BigInteger, nullable=False, comment="the first offset in hand"),
        sa.Column("following", sa.BigInteger, nullable=False, comment="the one behind the last"),
        # The statement that replaces both returns what they were.
        sa.Column("before_first", sa.BigInteger, nullable=False),
        sa.Column("before_following", sa.BigInteger, nullable=False),
        sa.Column("noted_at", TIME, nullable=False),
        schema=schema,
    )
    dead_letters = sa.Table(
        f"{prefix}dead_letters",
        metadata,
        sa.Column("position", POSITION, sa.Identity(always=False), primary_key=True),
        sa.Column("consumer", sa.String(200), nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("type", sa.Text, comment="name and version; null if they could not be read"),
        sa.Column("ordering_key", sa.Text),
        sa.Column("message", sa.JSON, comment="as it is replayed; null if it could not be read"),
        sa.Column("body", sa.LargeBinary, nullable=False, comment="byte for byte as it came"),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("origin", sa.Text, nullable=False, comment="where it came from"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error_type", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text),
        sa.Column("created_at", TIME, comment="the creation time of the message"),
        sa.Column("buried_at", TIME, nullable=False),
        sa.UniqueConstraint("consumer", "message_id", name=f"{prefix}dead_letters_key"),
        schema=schema,
        sqlite_autoincrement=True,
    )
    members = sa.Table(
        f"{prefix}members",
        metadata,
        sa.Column("consumer", sa.String(200), primary_key=True),
        # A name of the process, or the number of a partition.
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("holder", sa.String(200), nullable=False),
        # Of processes alone: a partition is held for as long as its holder lives.
        sa.Column("renewed_at", TIME),
        sa.Column("expires_at", TIME),
        schema=schema,
    )
    replays = sa.Table(
        f"{prefix}replays",
        metadata,
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("position", POSITION, nullable=False, comment="what it has applied so far"),
        schema=schema,
    )
    return {
        "inbox": inbox,
        "attempts": attempts,
        "arrivals": arrivals,
        "dead_letters": dead_letters,
        "members": members,
        "replays": replays,
    }

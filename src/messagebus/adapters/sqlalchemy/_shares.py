"""The partitions of a consumer, shared by the processes that read them."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ...inbox.shares import fair_share
from .clock import now
from .tables import OutboxTables, name_of

_MEMBER, _PARTITION = "member:", "partition:"


def share(
    connection: sa.Connection,
    tables: OutboxTables,
    consumer: str,
    member: str,
    partitions: int,
    lease: timedelta,
) -> set[int]:
    """Renew what a process holds, up to its fair share; return the partitions it holds now."""
    _lock(connection, tables, consumer)
    members = tables.members
    upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Whatever the isolation level is, a row that another one has changed in the meantime ends
    # this transaction, which is then repeated.
    insert = upsert(members)
    renew = insert.on_conflict_do_update(
        index_elements=list(members.primary_key),
        set_={name: insert.excluded[name] for name in ("holder", "renewed_at", "expires_at")},
    )
    present = connection.execute(sa.select(now(connection.dialect))).scalar_one()
    rows = connection.execute(sa.select(members).where(members.c.consumer == consumer)).all()
    living = {member}
    for row in rows:
        if not row.subject.startswith(_MEMBER) or row.holder == member:
            continue
        if row.renewed_at > present:  # the clock was set back
            rest = row.expires_at - row.renewed_at
            moved = {"renewed_at": present, "expires_at": present + rest}
            connection.execute(sa.update(members).where(_is(members, row)).values(moved))
            living.add(row.holder)
        elif row.expires_at > present:
            living.add(row.holder)
        else:
            connection.execute(sa.delete(members).where(_is(members, row)))
    values = {"renewed_at": present, "expires_at": present + lease}
    own = {"consumer": consumer, "subject": f"{_MEMBER}{member}", "holder": member, **values}
    connection.execute(renew, own)

    of_partitions = {
        int(row.subject.removeprefix(_PARTITION)): row
        for row in rows
        if row.subject.startswith(_PARTITION)
    }
    holders = {
        number: row.holder
        for number, row in of_partitions.items()
        if row.holder in living and number < partitions
    }
    held = fair_share(member, living, holders, partitions)
    for number, row in of_partitions.items():
        if number >= partitions or (row.holder == member and number not in held):
            connection.execute(sa.delete(members).where(_is(members, row)))
    taken = [number for number in held if holders.get(number) != member]
    if taken:
        none = {"renewed_at": None, "expires_at": None}
        new = [own | none | {"subject": f"{_PARTITION}{number}"} for number in sorted(taken)]
        connection.execute(renew, new)
    return held


def leave(connection: sa.Connection, tables: OutboxTables, consumer: str, member: str) -> None:
    """Give up all partitions of a process."""
    _lock(connection, tables, consumer)
    column = tables.members.c
    which = (column.consumer == consumer, column.holder == member)
    connection.execute(sa.delete(tables.members).where(*which))


def _lock(connection: sa.Connection, tables: OutboxTables, consumer: str) -> None:
    """Let one process at a time share out; on SQLite, its transaction does so."""
    if connection.dialect.name == "postgresql":
        key = zlib.crc32(f"{name_of(tables.members, connection)} {consumer}".encode())
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _is(members: sa.Table, row: sa.Row[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(members.c.consumer == row.consumer, members.c.subject == row.subject)

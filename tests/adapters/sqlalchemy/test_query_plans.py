"""The cost of finding work depends on what is pending, not on what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from messagebus.adapters.memory import SyncMemoryTransport
from messagebus.adapters.sqlalchemy import (
    SyncOutboxRelay,
    prepare_sqlite,
    sync_create_tables,
    tables,
)
from messagebus.cli import ExitCode, main

FILL = {
    "sqlite": """
        WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
        INSERT INTO messagebus_messages (message_id, created_at, name, schema_version, kind,
            metadata, payload, published, correlation_id, state, attempts, delivered_at)
        SELECT printf('%032x', i), '2026-01-01 00:00:00.000000+00:00', 'done', 1, 'event', '{}',
            '{}', 1, printf('%032x', i), 'sent', 1, '2026-01-01 00:00:00.000000+00:00' FROM n
    """,
    "postgresql": """
        INSERT INTO messagebus_messages (message_id, created_at, name, schema_version, kind,
            metadata, payload, published, correlation_id, state, attempts, delivered_at)
        SELECT lpad(to_hex(i), 32, '0')::uuid, now(), 'done', 1, 'event', '{}', '{}', true,
            lpad(to_hex(i), 32, '0')::uuid, 'sent', 1, now()
        FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n(i)
    """,
}

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) "
BUFFERS = re.compile(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine on a database with the tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'messages.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = prepare_sqlite(create_engine(url))
    sync_create_tables(engine)
    yield engine
    engine.dispose()


def fill(engine: Engine, first: int, last: int) -> None:
    """Store sent messages, and update the statistics of the database."""
    with engine.begin() as connection:
        connection.execute(sa.text(FILL[engine.dialect.name]), {"first": first, "last": last})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE messagebus_messages"
        )


def find_work(engine: Engine) -> None:
    """Look for something to send, count the backlog, and claim a batch, as a relay does."""
    relay = SyncOutboxRelay(engine, SyncMemoryTransport())
    relay._batches.is_pending()
    relay.outbox.backlog()
    assert relay._lease.acquire()
    relay._batches.advance()
    relay._lease.sign_of_life.close()
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.lease))


def show_status(engine: Engine) -> None:
    """Show the status as the command line does, by default."""
    url = engine.url.render_as_string(hide_password=False)
    assert ExitCode.OK == main(["outbox", "status", f"--database={url}"])


def cost(engine: Engine, call: Callable[[Engine], None] = find_work) -> int:
    """Return the number of pages of tables and indexes that the queries of a call read."""
    plans: list[str] = []

    def explain(
        connection: sa.Connection, _cursor: object, statement: str, parameters: object, *_: object
    ) -> None:
        if statement.startswith(("SELECT", "WITH")) and "messagebus_messages" in statement:
            prefix = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else EXPLAIN
            rows = connection.exec_driver_sql(prefix + statement, parameters)  # type: ignore[arg-type]
            plans.append("\n".join(str(tuple(row)) for row in rows))

    sa.event.listen(Engine, "before_cursor_execute", explain)
    try:
        call(engine)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", explain)
    assert len(plans) >= 3
    pages = 0
    for plan in plans:
        assert "messagebus_pending_idx" in plan or "messagebus_parked_idx" in plan
        assert "SCAN messagebus_messages\n" not in plan
        assert "Seq Scan on messagebus_messages" not in plan
        if found := BUFFERS.search(plan):
            pages += sum(int(count) for count in found.groups(default="0"))
    return pages


def test_finding_work_costs_the_same_however_much_was_sent(engine: Engine) -> None:
    """With a thousand messages that were sent, and with a hundred thousand, the indexes serve."""
    fill(engine, 1, 1_000)
    few = cost(engine)
    fill(engine, 1_001, 100_000)
    many = cost(engine)

    assert max(few, many) <= 20


def test_the_status_costs_the_same_however_much_was_sent(engine: Engine) -> None:
    """The command that is run every minute to watch an outbox reads nothing that was sent."""
    fill(engine, 1, 1_000)
    few = cost(engine, show_status)
    fill(engine, 1_001, 100_000)
    many = cost(engine, show_status)

    assert max(few, many) <= 20


def test_claiming_a_batch_costs_the_same_however_much_was_sent(engine: Engine) -> None:
    """Pending messages are found without reading the sent ones."""
    fill(engine, 1, 1_000)
    with engine.begin() as connection:
        wait(connection, 500)
    few = cost(engine)
    fill(engine, 1_001, 100_000)
    many = cost(engine)

    assert max(few, many) <= 20


def wait(connection: sa.Connection, position: int) -> None:
    """Make one of the messages pending again."""
    connection.execute(
        sa.update(tables.messages)
        .where(tables.messages.c.position == position)
        .values(state="pending", attempts=0)
    )

"""The statements of a relay let PostgreSQL end a transaction that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from messagebus.adapters.memory import SyncMemoryTransport
from messagebus.adapters.sqlalchemy import SyncOutboxRelay, sync_create_tables


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    """Yield an engine on a database with empty tables."""
    engine = sa.create_engine(postgres_url)
    sync_create_tables(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (lambda relay: relay._lease._query, {}),
        (lambda relay: relay._batches._head, {}),
        (lambda relay: relay._batches._mark_sent, {"positions": [1, 2]}),
        (
            lambda relay: relay._batches._note,
            {"held": 1, "listens": False, "first": 1, "last": 2},
        ),
        (lambda relay: relay._lease.hold(), {"held": 1}),
        (lambda relay: relay._batches._change(reason="none"), {"positions": [1]}),
    ],
    ids=["lease", "head", "sent", "note", "hold", "update"],
)
def test_any_statement_limits_how_long_its_transaction_may_stand_still(
    engine: sa.Engine,
    statement: Callable[[SyncOutboxRelay], sa.Executable],
    parameters: dict[str, Any],
) -> None:
    """It does so whether or not it finds a row, and for no longer than the transaction."""
    relay = SyncOutboxRelay(engine, SyncMemoryTransport(), lease=15.0)
    show = sa.text("SHOW idle_in_transaction_session_timeout")
    with engine.connect() as connection:
        before = connection.execute(show).scalar_one()
        connection.execute(statement(relay), parameters)
        within = connection.execute(show).scalar_one()
        connection.rollback()
        after = connection.execute(show).scalar_one()

    assert "15s" == within
    assert before == after != within

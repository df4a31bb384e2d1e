"""What a relay asks of PostgreSQL lets the server end a transaction that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import sync_create_tables, tables
from messagebus.adapters.sqlalchemy._relay_statements import Statements

STATEMENTS = Statements(tables, is_postgres=True, lease=timedelta(seconds=15), batch_size=100)


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
        (STATEMENTS.lease, {}),
        (STATEMENTS.head, {}),
        (STATEMENTS.sent, {"positions": [1, 2]}),
        (STATEMENTS.note, {"held": 1, "listens": False, "first": 1, "last": 2}),
        (STATEMENTS.hold({}), {"held": 1}),
        (STATEMENTS.update({"reason": "none"}), {"positions": [1]}),
    ],
    ids=["lease", "head", "sent", "note", "hold", "update"],
)
def test_any_statement_limits_how_long_its_transaction_may_stand_still(
    engine: sa.Engine, statement: sa.Executable, parameters: dict[str, Any]
) -> None:
    """It does so whether or not it finds a row, and for no longer than the transaction."""
    show = sa.text("SHOW idle_in_transaction_session_timeout")
    with engine.connect() as connection:
        before = connection.execute(show).scalar_one()
        connection.execute(statement, parameters)
        within = connection.execute(show).scalar_one()
        connection.rollback()
        after = connection.execute(show).scalar_one()

    assert "15s" == within
    assert before == after != within

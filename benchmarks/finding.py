"""Finding what is to be sent among what was sent."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import Backoff, tables
from messagebus.adapters.sqlalchemy._relay_queries import Claims
from messagebus.adapters.sqlalchemy.tables import PENDING, SENT

from .contender import Loop
from .databases import POSTGRES, database, plain_engine
from .outbox import fill

BATCH = 100


def claimed(kind: str, sent: int) -> Loop:
    """Claim a batch as the relay does, of an outbox that has sent so many messages."""
    engine = plain_engine(database(kind))
    fill(engine, sent, SENT)
    fill(engine, BATCH, PENDING)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("VACUUM ANALYZE" if kind == POSTGRES else "ANALYZE"))
    claims = Claims(
        tables,
        holder="benchmark",
        lease=3_600.0,
        batch_size=BATCH,
        max_attempts=8,
        backoff=Backoff(),
        park=True,
    )
    with engine.begin() as connection:
        token = claims.acquire(connection)
    if token is None:
        text = "the lease of a new outbox is held"
        raise RuntimeError(text)

    def run(times: Iterable[None]) -> None:
        for _ in times:
            with engine.begin() as connection:
                claims.advance(connection, token)

    return run

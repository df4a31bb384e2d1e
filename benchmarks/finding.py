"""Finding unsent messages among sent ones."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from messagebus.adapters.memory import SyncMemoryTransport
from messagebus.adapters.sqlalchemy import SyncOutboxRelay
from messagebus.adapters.sqlalchemy.tables import PENDING, SENT

from .contender import Loop
from .databases import POSTGRES, database, plain_engine
from .outbox import fill

BATCH = 100


def claimed(kind: str, sent: int) -> Loop:
    """Claim a batch, as the relay does, from an outbox that has *sent* sent messages."""
    engine = plain_engine(database(kind))
    fill(engine, sent, SENT)
    fill(engine, BATCH, PENDING)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("VACUUM ANALYZE" if kind == POSTGRES else "ANALYZE"))
    relay = SyncOutboxRelay(engine, SyncMemoryTransport(), batch_size=BATCH, lease=3_600.0)
    if not relay._lease.acquire():
        text = "the lease of a new outbox is held"
        raise RuntimeError(text)

    def run(times: Iterable[None]) -> None:
        for _ in times:
            relay._batches.advance()

    return run

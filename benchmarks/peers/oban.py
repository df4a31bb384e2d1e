"""oban: a job for each event, enqueued by the transaction, whose worker appends to a stream."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import oban
import redis.asyncio
from oban.schema import install
from psycopg import AsyncConnection

from tests.running.aio import pause

from ..databases import POSTGRES, database
from ..databases import redis as redis_url

WARMING = 5
REST = 0.1  # seconds between events

_client: Any = None


@oban.worker(queue="outbox")
class Send:
    """Appends an event to the stream."""

    async def process(self, job: Any) -> None:
        """Send the event of a job."""
        await _client.xadd("jobs", {"id": str(job.id), "body": job.args["title"]})


async def milliseconds(count: int) -> list[float]:
    """Commit jobs one by one; return the time until the event of each was read."""
    global _client
    url = database(POSTGRES).replace("+psycopg", "")
    _client = redis.asyncio.Redis.from_url(redis_url(), protocol=2)
    reader: Any = redis.asyncio.Redis.from_url(redis_url(), protocol=2)
    pool = await oban.Oban.create_pool(url)
    await install(pool)
    jobs: Any = Send  # what the decorator adds has no types
    queue = oban.Oban(pool=pool, queues={"outbox": 10})
    connection = await AsyncConnection.connect(url, autocommit=True)
    position, taken = "0", []
    async with queue:
        for number in range(WARMING + count):
            await pause(REST)
            async with connection.transaction():
                job = jobs.new({"id": number, "title": "A title"})
                await queue.enqueue_many([job], conn=connection)
            committed = perf_counter()
            [(_, entries)] = await reader.xread({"jobs": position}, block=10_000)
            taken.append((perf_counter() - committed) * 1e3)
            [(position, _)] = entries
    await connection.close()
    for each in (_client, reader):
        await each.aclose()
    await pool.close()
    return taken[WARMING:]

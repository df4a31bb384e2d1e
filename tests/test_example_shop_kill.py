"""The shop of the examples, killed again and again: no line is lost or handled twice."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from examples.shop.bootstrap import create_tables, new_engine
from examples.shop.tables import inbox, outbox

from .adapters.stored import documents, entries
from .shop import (
    COMMAND,
    ROOT,
    SAMPLE,
    Output,
    contents,
    database_in,
    succeed,
    undisturbed,
)

pytestmark = pytest.mark.slow

MESSAGES = outbox.messages.c
HANDLED = sa.select(sa.func.count()).select_from(inbox)
SENT = sa.select(sa.func.count()).where(MESSAGES.state == "sent")
PUBLISHED = sa.select(MESSAGES.message_id).where(MESSAGES.published).order_by(MESSAGES.position)
LINES = len([line for line in SAMPLE.splitlines() if line])
LONGEST_PAUSE = 0.01  # seconds; time for a few lines
LOOK = 0.002  # seconds; often enough to see single lines, and no load for the killed process
PATIENCE = 60.0  # seconds


class Database:
    """A database that a test queries while the command is running.

    Args:
        url: a URL for async and sync engines.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(url)
        asyncio.run(self._create_tables())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def count(self, query: sa.Select[Any]) -> int:
        """Return the number that a query counts."""
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def published(self) -> list[str]:
        """Return the ids of the published events in order."""
        with self._engine.connect() as connection:
            return [str(id) for id in connection.scalars(PUBLISHED)]

    async def _create_tables(self) -> None:
        engine = new_engine(self.url)
        await create_tables(engine)
        await engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """Yield a new SQLite database."""
    with closing(Database(database_in(tmp_path))) as database:
        yield database


@pytest.fixture
def postgresql(postgres_url: str) -> Iterator[Database]:
    """Yield a new PostgreSQL database."""
    with closing(Database(postgres_url)) as database:
        yield database


def kill_when(database: Database, query: sa.Select[Any], least: int, *arguments: str) -> Output:
    """Run the command on the sample and kill it soon after a query counts *least* rows.

    The input stays open after the sample, so the command never ends by itself.
    """
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            (*COMMAND, "-", "--database", database.url, *arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
        ) as process,
    ):
        assert process.stdin is not None
        try:
            process.stdin.write(SAMPLE)
            process.stdin.flush()
            deadline = time.monotonic() + PATIENCE
            while database.count(query) < least and time.monotonic() < deadline:
                assert None is process.poll()
                time.sleep(LOOK)
            time.sleep(random.uniform(0.0, LONGEST_PAUSE))
        finally:
            process.kill()
        assert -signal.SIGKILL == process.wait(timeout=PATIENCE)
        output.seek(0)
        return Output(output.read())


def sent_counts(seed: int) -> list[int]:
    """Choose at how many sent events a run is killed."""
    return sorted(random.Random(seed).sample(range(len(undisturbed().published)), 2))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_run_continues_where_it_stopped(seed: int, sqlite: Database) -> None:
    """The report is that of a run without kills, and every event is printed.

    An event that is printed twice is the same one, with the same id.
    """
    handled = sorted(random.Random(seed).sample(range(LINES), 2))
    outputs = [kill_when(sqlite, HANDLED, least) for least in handled]
    outputs += [kill_when(sqlite, SENT, least) for least in sent_counts(seed)]
    outputs.append(succeed("-", "--database", sqlite.url, input=SAMPLE))
    assert undisturbed().rejections == outputs[-1].rejections
    assert undisturbed().tables == outputs[-1].tables
    events = [event for output in outputs for event in output.published]
    once = {event["id"]: event for event in events}
    assert sqlite.published() == [*once]
    assert len(once) == len({json.dumps(event) for event in events})
    assert contents(undisturbed().published) == contents(once.values())


def test_redis_has_each_event_once_after_kills(
    postgresql: Database, redis_url: str, unique_name: str
) -> None:
    """An event that is sent again has the id by which the server recognizes it."""
    stream = f"{redis_url}?stream={unique_name}&create=true"
    for least in sent_counts(4):
        kill_when(postgresql, SENT, least, "--stream", stream)
    output = succeed("-", "--database", postgresql.url, "--stream", stream, input=SAMPLE)
    received = entries(redis_url, unique_name)
    assert undisturbed().rejections == output.rejections
    assert undisturbed().tables == output.tables
    assert postgresql.published() == [each["id"] for each in received]
    assert contents(undisturbed().published) == contents(received)


def test_jetstream_has_each_event_once_after_kills(
    sqlite: Database, nats_url: str, unique_name: str
) -> None:
    """An event that is sent again has the id by which the stream recognizes it."""
    stream = f"{nats_url}?stream={unique_name}&subject={unique_name}.{{name}}&create=true"
    for least in sent_counts(5):
        kill_when(sqlite, SENT, least, "--stream", stream)
    output = succeed("-", "--database", sqlite.url, "--stream", stream, input=SAMPLE)
    received = documents(nats_url, unique_name)
    assert undisturbed().rejections == output.rejections
    assert undisturbed().tables == output.tables
    assert sqlite.published() == [each["id"] for each in received]
    assert contents(undisturbed().published) == contents(received)

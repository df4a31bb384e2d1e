"""The shop of the examples, killed again and again: no line is lost, and none handled twice."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from examples.shop.adapters.sql.database import create_tables, new_engine
from examples.shop.adapters.sql.tables import inbox, outbox

from .adapters.stored import documents, entries
from .shop import (
    COMMAND,
    ROOT,
    SAMPLE,
    contents,
    database_in,
    printed,
    rejections,
    start,
    tables,
    undisturbed,
)

pytestmark = pytest.mark.slow

MESSAGES = outbox.messages.c
HANDLED = sa.select(sa.func.count()).select_from(inbox)
SENT = sa.select(sa.func.count()).where(MESSAGES.state == "sent")
PUBLISHED = sa.select(MESSAGES.message_id).where(MESSAGES.published).order_by(MESSAGES.position)
LINES = len([line for line in SAMPLE.splitlines() if line])
LONGEST_PAUSE = 0.01  # seconds, in which some lines are handled
PATIENCE = 60.0  # seconds


class Database:
    """A database that a test looks into while the command is running.

    Args:
        url: a URL that every driver of the test takes.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(url)
        asyncio.run(self._create_tables())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def count(self, query: sa.Select[Any]) -> int:
        """Return what a query counts."""
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def published(self) -> list[str]:
        """Return the ids of the published messages, in their order."""
        with self._engine.connect() as connection:
            return [str(id) for id in connection.scalars(PUBLISHED)]

    async def _create_tables(self) -> None:
        engine = new_engine(self.url)
        await create_tables(engine)
        await engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """Yield a new database of SQLite."""
    with closing(Database(database_in(tmp_path))) as database:
        yield database


@pytest.fixture
def postgresql(postgres_url: str) -> Iterator[Database]:
    """Yield a new database of PostgreSQL."""
    with closing(Database(postgres_url)) as database:
        yield database


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command on an input that has the sample, and never ends; kill it at the end."""
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            (*COMMAND, "-", *arguments), cwd=ROOT, stdin=subprocess.PIPE, stdout=output
        ) as process,
    ):
        assert process.stdin is not None
        try:
            process.stdin.write(SAMPLE)
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def kill_when(database: Database, query: sa.Select[Any], least: int, *arguments: str) -> None:
    """Run the command, and kill it a moment after a query of the database counts so much."""
    with running("--database", database.url, *arguments) as process:
        deadline = time.monotonic() + PATIENCE
        while database.count(query) < least and time.monotonic() < deadline:
            assert None is process.poll()
        time.sleep(random.uniform(0.0, LONGEST_PAUSE))
    assert -signal.SIGKILL == process.returncode


def kill_when_it_prints(database: Database) -> str:
    """Run the command to where it sends what is published, and kill it there.

    Returns:
        What it has written.
    """
    with subprocess.Popen(
        (sys.executable, "-u", *COMMAND[1:], "-", "--database", database.url),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(SAMPLE)
        process.stdin.close()
        written = []
        for line in process.stdout:
            written.append(line)
            if line.startswith(b"{"):
                break
        process.kill()
        written += process.stdout
    return b"".join(written).decode()


def run_to_the_end(database: Database, *arguments: str) -> str:
    """Run the command on the sample to its end, and return what it writes."""
    finished = start("-", "--database", database.url, *arguments, input=SAMPLE)
    assert (0, b"") == (finished.returncode, finished.stderr)
    return finished.stdout.decode()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_that_was_killed_ends_like_one_that_was_not(seed: int, sqlite: Database) -> None:
    """The report is the same, and every message is printed; twice only the very same one."""
    for handled in sorted(random.Random(seed).sample(range(LINES), 2)):
        kill_when(sqlite, HANDLED, handled)
        assert 0 == sqlite.count(SENT)
    outputs = [kill_when_it_prints(sqlite), run_to_the_end(sqlite)]
    assert rejections(undisturbed()) == rejections(outputs[-1])
    assert tables(undisturbed()) == tables(outputs[-1])
    messages = [message for each in outputs for message in printed(each)]
    once = {message["id"]: message for message in messages}
    assert sqlite.published() == [*once]
    assert len(once) == len({json.dumps(message) for message in messages})
    assert contents(printed(undisturbed())) == contents(once.values())


def test_redis_has_each_message_once_whatever_was_killed(
    postgresql: Database, redis_url: str, unique_name: str
) -> None:
    """What is sent again after a kill has the id by which the server knows it."""
    stream = f"{redis_url}?stream={unique_name}&create=true"
    for sent in sorted(random.Random(4).sample(range(len(printed(undisturbed()))), 2)):
        kill_when(postgresql, SENT, sent, "--stream", stream)
    output = run_to_the_end(postgresql, "--stream", stream)
    received = entries(redis_url, unique_name)
    assert rejections(undisturbed()) == rejections(output)
    assert tables(undisturbed()) == tables(output)
    assert postgresql.published() == [each["id"] for each in received]
    assert contents(printed(undisturbed())) == contents(received)


def test_jetstream_has_each_message_once_whatever_was_killed(
    sqlite: Database, nats_url: str, unique_name: str
) -> None:
    """What is sent again after a kill has the id by which the stream knows it."""
    stream = f"{nats_url}?stream={unique_name}&subject={unique_name}.{{name}}&create=true"
    for sent in sorted(random.Random(5).sample(range(len(printed(undisturbed()))), 2)):
        kill_when(sqlite, SENT, sent, "--stream", stream)
    output = run_to_the_end(sqlite, "--stream", stream)
    received = documents(nats_url, unique_name)
    assert rejections(undisturbed()) == rejections(output)
    assert tables(undisturbed()) == tables(output)
    assert sqlite.published() == [each["id"] for each in received]
    assert contents(printed(undisturbed())) == contents(received)

"""The pair of the examples: the shop, and the service that ships what it has sold."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from examples.shop.tables import orders
from messagebus.adapters.sqlalchemy import tables

from .shop import COMMAND, ROOT, SAMPLE

pytestmark = pytest.mark.slow

PATIENCE = 60  # seconds
LONGEST_LIFE = 1.5  # seconds


@dataclass
class Pair:
    """Both services, each with a database of its own.

    Attributes:
        folder: the folder of the databases.
        transport: the URL by which the shop reaches the stream.
        source: the URL by which shipping reaches it.
    """

    folder: Path
    transport: str
    source: str

    @property
    def shop(self) -> str:
        """The database of the shop."""
        return f"sqlite:///{self.folder / 'shop.db'}"

    @property
    def shipping(self) -> str:
        """The database of the other service."""
        return f"sqlite:///{self.folder / 'shipping.db'}"

    def sell(self) -> subprocess.Popen[bytes]:
        """Start the shop on the sample."""
        sample = self.folder / "sample.jsonl"
        sample.write_bytes(SAMPLE)
        shop = [*COMMAND, str(sample), "--database", self.shop, "--stream", self.transport]
        return subprocess.Popen(shop, cwd=ROOT, stdout=subprocess.DEVNULL)

    def ship(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the consumer."""
        consume = ["messagebus", "consume", "examples.shipping.app:app", "--consumer", "shipping"]
        return subprocess.Popen(
            [sys.executable, "-m", *consume, "--stream", self.source, "--lease", "1s", *options],
            cwd=ROOT,
            env={**os.environ, "SHIPPING_DATABASE": self.shipping},
        )

    def shipments(self) -> list[dict[str, Any]]:
        """Return what the second service prints."""
        printed = subprocess.run(
            [sys.executable, "-m", "examples.shipping"],
            cwd=ROOT,
            env={**os.environ, "SHIPPING_DATABASE": self.shipping},
            stdout=subprocess.PIPE,
            check=True,
        )
        return [json.loads(line) for line in printed.stdout.splitlines()]

    def sold(self) -> list[dict[str, Any]]:
        """Return the shipments that the orders of the shop ask for."""
        engine = sa.create_engine(self.shop)
        with engine.connect() as connection:
            found = [
                {
                    "order_id": row.order_id,
                    "items": sum(line["quantity"] for line in row.lines),
                    "state": "cancelled" if row.cancelled else "planned",
                    "changes": 2 if row.cancelled else 1,
                }
                for row in connection.execute(sa.select(orders).order_by(orders.c.order_id))
            ]
        engine.dispose()
        return found

    def count(self, database: str, table: sa.Table) -> int:
        """Return the number of rows of a table; 0 if it does not exist yet."""
        engine = sa.create_engine(database)
        try:
            with engine.connect() as connection:
                query = sa.select(sa.func.count()).select_from(table)
                return connection.scalar(query) or 0
        except sa.exc.OperationalError:
            return 0
        finally:
            engine.dispose()


NewPair = Callable[[str], Pair]


@pytest.fixture
def new_pair(request: pytest.FixtureRequest, tmp_path: Path, unique_name: str) -> NewPair:
    """Return a function that connects a pair by a broker."""

    def new_pair(broker: str) -> Pair:
        url: str = request.getfixturevalue(f"{broker}_url")
        if broker == "kafka":
            stream = f"{url}?topic={unique_name}&create=true&partitions=3"
            return Pair(tmp_path, stream, f"{stream}&session=2")
        if broker == "rabbitmq":
            stream = f"{url}?exchange={unique_name}&create=true"
            pair = Pair(tmp_path, stream, stream)
            assert 0 == pair.ship("--drain").wait(PATIENCE)  # its queues receive what is sent later
            return pair
        stream = f"{url}?stream={unique_name}&create=true"
        if broker == "nats":
            stream += f"&subject={unique_name}.{{name}}"
        return Pair(tmp_path, stream, stream)

    return new_pair


BROKERS = ["redis", "nats", "rabbitmq", "kafka"]


@pytest.mark.parametrize("broker", BROKERS)
def test_what_the_shop_has_sold_is_shipped(new_pair: NewPair, broker: str) -> None:
    """Each service has its own database, its own classes, and its own pace."""
    pair = new_pair(broker)
    assert 0 == pair.sell().wait(PATIENCE)
    assert 0 == pair.ship("--drain").wait(PATIENCE)
    assert pair.shipments() == pair.sold()
    assert pair.sold()


@pytest.mark.parametrize("broker", BROKERS)
def test_whichever_is_killed_every_order_is_shipped_once(new_pair: NewPair, broker: str) -> None:
    """They are killed at random moments, and start again."""
    pair, chance = new_pair(broker), random.Random(1)
    starts: list[Callable[[], subprocess.Popen[bytes]]] = [pair.sell, pair.ship]
    running = [start() for start in starts]
    for _ in range(4):
        time.sleep(chance.random() * LONGEST_LIFE)
        number = chance.randrange(2)
        running[number].kill()
        running[number].wait(PATIENCE)
        running[number] = starts[number]()
    assert 0 == running[0].wait(PATIENCE)
    running[1].kill()
    running[1].wait(PATIENCE)
    assert 0 == pair.ship("--drain").wait(PATIENCE)
    assert pair.shipments() == pair.sold()
    assert 0 == pair.count(pair.shipping, tables.dead_letters)

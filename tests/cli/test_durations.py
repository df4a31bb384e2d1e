"""The durations that a relay and a consumer tell Prometheus."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from messagebus import AsyncMessageBus, MessageSerializer, SyncMessageBus
from messagebus.adapters.memory import (
    AsyncMemorySource,
    AsyncMemoryTransport,
    SyncMemorySource,
    SyncMemoryTransport,
)
from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, async_create_tables
from messagebus.cli.durations import of_consumer, of_relay
from messagebus.cli.exposition import Report
from messagebus.cli.histogram import Histogram
from messagebus.inbox import AsyncInboxConsumer, ConsumerOptions, SyncInboxConsumer
from messagebus.retry import Backoff
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish
from tests._async.fakes import AsyncLibrary
from tests._sync.fakes import SyncLibrary
from tests.library import BookBorrowed
from tests.running.aio import AsyncEngine, new_engine, sqlite_url

ASKED, NOT_ASKED = Namespace(metrics_port=0), Namespace(metrics_port=None)
PROCESS, LAG = "messagebus_consumer_process_duration_seconds", "messagebus_consumer_lag_seconds"
SEND = "messagebus_relay_send_duration_seconds"
TWICE = ConsumerOptions(max_attempts=2, backoff=Backoff(first=0.0, jitter=0.0))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """Yield an engine on a database with empty tables."""
    engine = new_engine(sqlite_url(tmp_path / "messages.db"))
    await async_create_tables(engine)
    yield engine
    await engine.dispose()


def counts_of(*histograms: Histogram) -> Mapping[str, float]:
    """Return how many durations each of them has, as the parser of Prometheus reads it."""
    families = text_string_to_metric_families(Report(None, histograms).exposition())
    samples = [sample for each in families for sample in each.samples]
    return {each.name: each.value for each in samples if each.name.endswith("_count")}


def test_a_duration_is_counted_in_each_bucket_that_it_fits_in() -> None:
    """The bound of a bucket belongs to it, and the last bucket has them all."""
    histogram = Histogram("x_seconds", "Text.")
    for duration in (0.0, 0.001, 0.3, 5_000.0):
        histogram.observe(duration)
    report = Report(None, [histogram], {"consumer": "a"})
    *_, family = text_string_to_metric_families(report.exposition())

    assert ("messagebus_x_seconds", "histogram") == (family.name, family.type)
    values = {each.labels.get("le", each.name): each.value for each in family.samples}
    assert [2, 2, 3, 3, 4] == [values[each] for each in ("0.001", "0.1", "0.3", "3600", "+Inf")]
    assert 5_000.301 == values["messagebus_x_seconds_sum"]
    assert 4 == values["messagebus_x_seconds_count"]
    assert {"a"} == {each.labels["consumer"] for each in family.samples}


def test_what_fails_takes_time_as_well() -> None:
    """Otherwise a broker that answers after a minute, with an error, would look fast."""
    histogram = Histogram("x_seconds", "Text.")
    with pytest.raises(ValueError, match="no"), histogram.timing():
        raise ValueError("no")

    assert {"messagebus_x_seconds_count": 1} == counts_of(histogram)


async def test_a_relay_counts_its_batches(engine: AsyncEngine) -> None:
    """One that fails, and the one that follows."""
    recorder = AsyncRecorder()
    relay = AsyncOutboxRelay(engine, recorder, batch_size=2, max_attempts=1)
    durations = of_relay(relay, ASKED)
    first, *_ = await publish(engine, "1", "2", "3")
    recorder.poison = {str(first.message_id): RuntimeError("too large")}
    await relay.drain()

    assert 2 == len(recorder.sent)
    assert {f"{SEND}_count": 2} == counts_of(*durations)


@pytest.mark.slow
async def test_a_consumer_counts_its_attempts() -> None:
    """Each attempt takes time, and has an age."""
    attempts = 0

    async def hear(event: BookBorrowed, uow: Any) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RuntimeError("not yet")

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(BookBorrowed, hear)
    transport = AsyncMemoryTransport()
    wire = MessageSerializer().serialize_message(BookBorrowed(id="1"))
    await transport.send_message_serialized(wire)
    source = AsyncMemorySource(transport, "a")
    consumer = AsyncInboxConsumer("a", source, bus, AsyncLibrary, options=TWICE)
    durations = of_consumer(consumer, ASKED)

    assert 1 == await consumer.drain()
    assert {f"{PROCESS}_count": 2, f"{LAG}_count": 2} == counts_of(*durations)


@pytest.mark.slow
def test_a_sync_consumer_counts_its_attempts() -> None:
    """As the other one does."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.add_listener(BookBorrowed, lambda event, uow: None)
    transport = SyncMemoryTransport()
    transport.send_message_serialized(MessageSerializer().serialize_message(BookBorrowed(id="1")))
    consumer = SyncInboxConsumer("a", SyncMemorySource(transport, "a"), bus, SyncLibrary)
    durations = of_consumer(consumer, ASKED)

    assert 1 == consumer.drain()
    assert {f"{PROCESS}_count": 1, f"{LAG}_count": 1} == counts_of(*durations)


async def test_without_a_port_nothing_is_measured(engine: AsyncEngine) -> None:
    """Nobody would see it."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    source = SyncMemorySource(SyncMemoryTransport(), "a")

    assert () == of_relay(AsyncOutboxRelay(engine, AsyncRecorder()), NOT_ASKED)
    assert () == of_consumer(SyncInboxConsumer("a", source, bus, SyncLibrary), NOT_ASKED)

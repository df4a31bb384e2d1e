"""The health and the metrics of a relay and of a consumer, as Prometheus reads them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric as PrometheusMetric
from prometheus_client.parser import text_string_to_metric_families

from messagebus.adapters.sqlalchemy import RelayStatus
from messagebus.adapters.sqlalchemy.status import Backlog, Leader
from messagebus.cli.exposition import Report
from messagebus.inbox import ConsumerStatus

LEADER = Leader("host:1:a", 3, datetime.now(UTC), expired=False)
RELAY = RelayStatus(
    running=True,
    leading=True,
    leader=LEADER,
    outages=0,
    last_error=None,
    backlog=Backlog(7, 1.5, 2, None),
    sent=40,
)
CONSUMER = ConsumerStatus(
    running=True,
    connected=True,
    held=3,
    partitions=None,
    handled=10,
    duplicates=1,
    skipped=2,
    retried=4,
    buried=5,
    last_error=None,
)


def families_of(report: Report) -> list[PrometheusMetric]:
    """Return the metrics as the parser of Prometheus reads them."""
    families = [*text_string_to_metric_families(report.exposition())]
    for family in families:
        assert family.documentation
        assert family.type in {"counter", "gauge", "histogram"}
    return families


def values_of(report: Report) -> dict[str, float]:
    """Return the values as the parser of Prometheus reads them."""
    samples = (sample for family in families_of(report) for sample in family.samples)
    return {sample.name: sample.value for sample in samples}


def test_the_metrics_of_a_relay_are_those_of_its_status() -> None:
    """Nothing is counted twice."""
    assert {
        "messagebus_ready": 1.0,
        "messagebus_outbox_pending": 7.0,
        "messagebus_outbox_parked": 2.0,
        "messagebus_outbox_oldest_age_seconds": 1.5,
        "messagebus_relay_sent_total": 40.0,
        "messagebus_relay_leading": 1.0,
        "messagebus_relay_outages": 0.0,
    } == values_of(Report.of_relay(RELAY))


def test_the_metrics_of_a_consumer_are_those_of_its_status() -> None:
    """Nothing is counted twice."""
    assert {
        "messagebus_ready": 1.0,
        "messagebus_consumer_handled_total": 10.0,
        "messagebus_consumer_duplicates_total": 1.0,
        "messagebus_consumer_skipped_total": 2.0,
        "messagebus_consumer_retried_total": 4.0,
        "messagebus_consumer_dead_letters_total": 5.0,
        "messagebus_consumer_held": 3.0,
        "messagebus_consumer_connected": 1.0,
    } == values_of(Report.of_consumer("billing", CONSUMER))


@given(st.text().filter(str.isprintable))
def test_any_name_of_a_consumer_is_a_label(name: str) -> None:
    """A name may contain quotes and backslashes."""
    report = Report.of_consumer(name, CONSUMER)
    for family in text_string_to_metric_families(report.exposition()):
        assert [{"consumer": name}] == [sample.labels for sample in family.samples]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"leading": False}, None),
        ({"last_error": "ValueError: a message"}, None),
        ({"running": False}, "the relay does not run"),
        ({"outages": 2}, "the broker or the database is not available"),
        ({"leader": None}, "no relay leads"),
        ({"leader": replace(LEADER, expired=True)}, "no relay leads"),
    ],
)
def test_a_relay_is_ready_if_it_leads_or_stands_by(
    changes: dict[str, Any], problem: str | None
) -> None:
    """A message that cannot be sent is no reason to start the process again."""
    report = Report.of_relay(replace(RELAY, **changes))
    assert problem == report.problem
    assert (problem is None) == values_of(report)["messagebus_ready"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"running": False}, "the consumer does not run"),
        ({"connected": False}, "the broker is not available"),
        ({"last_error": "OSError: away"}, "the broker or the database is not available"),
    ],
)
def test_a_consumer_is_ready_if_it_has_what_it_needs(
    changes: dict[str, Any], problem: str | None
) -> None:
    """Its errors are those of the broker and the database, not of messages."""
    assert problem == Report.of_consumer("billing", replace(CONSUMER, **changes)).problem

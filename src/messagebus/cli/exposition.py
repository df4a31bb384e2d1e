"""The status of a relay and of a consumer, for load balancers, supervisors and Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..inbox.status import ConsumerStatus
from .histogram import Histogram

if TYPE_CHECKING:
    from ..adapters.sqlalchemy import RelayStatus


class Metric(NamedTuple):
    """A metric with one value.

    Attributes:
        name: its name, without the prefix.
        kind: whether the value only grows.
        text: what it says.
        value: its value.
    """

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    value: float

    def samples(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        """Yield the end of the name, the labels and the value of the only sample."""
        yield "", {}, self.value


class Report(NamedTuple):
    """What is told of a process.

    Attributes:
        problem: why it is not ready; None if it is.
        metrics: what else is known.
        labels: the labels of all metrics.
    """

    problem: str | None
    metrics: Sequence[Metric | Histogram] = ()
    labels: Mapping[str, str] = {}

    @classmethod
    def of_relay(cls, status: RelayStatus, durations: Sequence[Histogram] = ()) -> Report:
        """Return what is told of a relay."""
        backlog, leader = status.backlog, status.leader
        problem = None
        if not status.running:
            problem = "the relay does not run"
        elif status.outages:
            problem = "the broker or the database is not available"
        elif leader is None or leader.expired:
            problem = "no relay leads"
        return cls(
            problem,
            [
                Metric("outbox_pending", "gauge", "Messages that wait.", backlog.pending),
                Metric("outbox_parked", "gauge", "Messages that were put aside.", backlog.parked),
                Metric(
                    "outbox_oldest_age_seconds",
                    "gauge",
                    "Age of the first message that waits.",
                    backlog.oldest_age or 0.0,
                ),
                Metric("relay_sent_total", "counter", "Messages sent.", status.sent),
                Metric("relay_leading", "gauge", "Whether this relay sends.", status.leading),
                Metric("relay_outages", "gauge", "Outages in a row.", status.outages),
                *durations,
            ],
        )

    @classmethod
    def of_consumer(
        cls, name: str, status: ConsumerStatus, durations: Sequence[Histogram] = ()
    ) -> Report:
        """Return what is told of a consumer."""
        problem = None
        if not status.running:
            problem = "the consumer does not run"
        elif not status.connected:
            problem = "the broker is not available"
        elif status.last_error is not None:
            problem = "the broker or the database is not available"
        return cls(
            problem,
            [
                Metric("consumer_handled_total", "counter", "Messages handled.", status.handled),
                Metric(
                    "consumer_duplicates_total",
                    "counter",
                    "Messages that had been handled before.",
                    status.duplicates,
                ),
                Metric(
                    "consumer_skipped_total",
                    "counter",
                    "Messages of unknown types.",
                    status.skipped,
                ),
                Metric(
                    "consumer_retried_total",
                    "counter",
                    "Attempts that failed and were repeated.",
                    status.retried,
                ),
                Metric(
                    "consumer_dead_letters_total",
                    "counter",
                    "Messages that became dead letters.",
                    status.buried,
                ),
                Metric("consumer_held", "gauge", "Messages that are not settled.", status.held),
                Metric(
                    "consumer_connected",
                    "gauge",
                    "Whether the source is connected.",
                    status.connected,
                ),
                *durations,
            ],
            {"consumer": name},
        )

    def exposition(self) -> str:
        """Return the metrics in the text format of Prometheus."""
        return "".join(self._lines())

    def _lines(self) -> Iterator[str]:
        ready = Metric("ready", "gauge", "Whether the process works.", self.problem is None)
        for metric in (ready, *self.metrics):
            name = f"messagebus_{metric.name}"
            yield f"# HELP {name} {metric.text}\n# TYPE {name} {metric.kind}\n"
            for end, more, value in metric.samples():
                labels = [
                    f'{label}="{_escaped(text)}"' for label, text in {**self.labels, **more}.items()
                ]
                yield f"{name}{end}{{{','.join(labels)}}} {float(value)!r}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

"""Providers of OpenTelemetry that keep what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from messagebus.otel import instrument


class Telemetry:
    """Providers, and what was written to them."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)

    def instrument(self, *components: Any, **options: Any) -> None:
        """Instrument components with these providers."""
        options = {"tracer_provider": self.tracers, "meter_provider": self.meters, **options}
        instrument(*components, **options)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in the order of their beginnings."""
        return sorted(self._exporter.get_finished_spans(), key=lambda each: each.start_time or 0)

    def span(self, name: str) -> ReadableSpan:
        """Return the only span of a name."""
        [span] = (each for each in self.spans if each.name == name)
        return span

    def metric(self, name: str, key: str | None = None) -> Mapping[Any, Any]:
        """Return the values of a metric by the value of an attribute; of a histogram, the counts.

        Args:
            name: the name of the metric.
            key: the name of the attribute; None if there is only one value.
        """
        data = self._reader.get_metrics_data()
        found: dict[Any, Any] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        for point in metric.data.data_points:
                            value = getattr(point, "value", None)
                            of = (point.attributes or {}).get(key) if key else None
                            found[of] = getattr(point, "count", None) if value is None else value
        return found


def id_of(span: ReadableSpan) -> int:
    """Return the identifier of a span."""
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def parent_of(span: ReadableSpan) -> int | None:
    """Return the identifier of the parent of a span."""
    return None if span.parent is None else span.parent.span_id


def linked_to(span: ReadableSpan) -> list[int]:
    """Return the identifiers of the spans that a span is linked to."""
    return [each.context.span_id for each in span.links]

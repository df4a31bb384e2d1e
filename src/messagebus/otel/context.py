"""The trace context of a message: written when it is published, read when it is received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..inbox.delivery import Delivery
from ..serialization.wire import TRACE_CONTEXT

_LONGEST = 512  # characters, as the recommendation of W3C asks receivers to accept
# Not the global propagator, whose format is any: rows and wire messages have two keys for this one.
_PROPAGATOR = TraceContextTextMapPropagator()


def context_of(span: Span) -> dict[str, str]:
    """Return what travels with a message of which a span tells; empty if nothing is traced."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return carrier


def read_context(carrier: Mapping[str, Any]) -> SpanContext | None:
    """Return the span that a message was published in; None if there is none.

    Whatever a sender has written, this does not fail.
    """
    found = {}
    for name in TRACE_CONTEXT:
        value = carrier.get(name)
        if isinstance(value, str) and len(value) <= _LONGEST:
            found[name] = value
    if "traceparent" not in found:
        return None
    try:
        context = trace.get_current_span(_PROPAGATOR.extract(found, Context())).get_span_context()
    except Exception:  # noqa: BLE001 - a parser of foreign input, whose release may be any
        return None
    return context if context.is_valid else None


def context_of_delivery(delivery: Delivery) -> SpanContext | None:
    """Return the span that a delivered message was published in; None if there is none."""
    return read_context(delivery.wire or {}) or read_context(delivery.headers)


def links_to(contexts: Iterable[SpanContext | None]) -> list[Link]:
    """Return links to the spans that there are, each once."""
    spans = {each.span_id: each for each in contexts if each is not None}
    return [Link(each) for each in spans.values()]

"""The entry to telemetry: finds the providers, and adds the middleware to components."""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakSet

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from ..exceptions import ConfigurationError
from ..inbox import AsyncInboxConsumer, SyncInboxConsumer
from ..service._async.eventstream import AsyncEventstreamPublisher
from ..service._async.registry import AsyncMessageBus
from ..service._sync.eventstream import SyncEventstreamPublisher
from ..service._sync.registry import SyncMessageBus
from ._async import instrumentation as of_async
from ._sync import instrumentation as of_sync
from .metrics import instruments_of
from .telemetry import Telemetry, Tracing

_NAME = "messagebus"

_instrumented: WeakSet[Any] = WeakSet()


def instrument(
    *components: Any,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    tracing: Tracing = "link",
    force: bool = False,
) -> None:
    """Let components write spans and metrics.

    Whether there is anything to write to is decided now: without a configured provider, nothing is
    added, and the components are as fast as before. Instrumenting a component twice has no further
    effect.

    Args:
        components: buses, relays, consumers of the inbox and publishers, of both colours.
        tracer_provider: makes the spans; by default the global one.
        meter_provider: keeps the metrics; by default the global one.
        tracing: what connects a message to the span that published it: a ``link``, as the
            conventions ask for, or ``parent``, by which one trace shows everything. Of several
            messages that are sent or processed together, it is always a link.
        force: use the global providers although none is configured yet, for a provider that is set
            later.

    Raises:
        ConfigurationError: a component is none of these, or *tracing* has another value.
    """
    if tracing not in ("link", "parent"):
        text = f"tracing must be 'link' or 'parent', not {tracing!r}"
        raise ConfigurationError(text)
    additions = [(each, _addition_for(each)) for each in components]
    tracers = tracer_provider or trace.get_tracer_provider()
    meters = meter_provider or metrics.get_meter_provider()
    traces = force or not _is_empty(tracers)
    measures = force or not _is_empty(meters)
    if not traces and not measures:
        return
    tracers = tracers if traces else NoOpTracerProvider()
    meters = meters if measures else _NOTHING
    version = sys.modules[_NAME].__version__
    instruments = instruments_of(meters, meters.get_meter(_NAME, version))
    telemetry = Telemetry(tracers.get_tracer(_NAME, version), instruments, tracing)
    for component, add in additions:
        if component not in _instrumented:
            add(component, telemetry)
            _instrumented.add(component)


_NOTHING = NoOpMeterProvider()


def _is_empty(provider: object) -> bool:
    """Tell whether a provider is one of the API alone, which stands for none."""
    return type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


def _addition_for(component: object) -> Any:
    """Return what adds the middleware to a component.

    Raises:
        ConfigurationError: the component is of an unknown kind.
    """
    kinds: list[tuple[type, Any]] = [
        (AsyncMessageBus, of_async.instrument_bus),
        (SyncMessageBus, of_sync.instrument_bus),
        (AsyncInboxConsumer, of_async.instrument_consumer),
        (SyncInboxConsumer, of_sync.instrument_consumer),
        (AsyncEventstreamPublisher, of_async.instrument_publisher),
        (SyncEventstreamPublisher, of_sync.instrument_publisher),
    ]
    # Relays need SQLAlchemy, which is loaded where there is one.
    if outbox := sys.modules.get(f"{_NAME}.adapters.sqlalchemy"):
        kinds += [
            (outbox.AsyncOutboxRelay, of_async.instrument_relay),
            (outbox.SyncOutboxRelay, of_sync.instrument_relay),
        ]
    for kind, addition in kinds:
        if isinstance(component, kind):
            return addition
    text = f"{component!r} is no bus, relay, consumer of the inbox or publisher"
    raise ConfigurationError(text)

"""Telemetry as an application has it whose sampler drops every trace."""

from __future__ import annotations

from typing import Any


def unsampled(bus: Any) -> None:
    """Instrument a bus with an SDK whose sampler drops every trace, and whose metrics count.

    Raises:
        ImportError: the SDK is not installed.
    """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    from messagebus.otel import instrument

    tracers = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    instrument(bus, tracer_provider=tracers, meter_provider=meters)

"""Telemetry of the commands that run for long."""

from __future__ import annotations

import sys
from argparse import Namespace


def instrument(component: object, options: Namespace) -> None:
    """Let a component write spans and metrics, if this process has OpenTelemetry.

    It has where `opentelemetry-instrument` started it, or its application has set a provider.
    """
    if "opentelemetry" in sys.modules:
        from ..otel import instrument

        instrument(component, tracing=options.tracing)

"""OpenTelemetry: traces and metrics of a bus, a relay, a consumer and a publisher.

Needs the extra `otel`, which is the API of OpenTelemetry alone; the application brings the SDK.
"""

from __future__ import annotations

from ..exceptions import MissingExtraError

try:
    import opentelemetry.trace as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "otel") from _error

from .instrumentation import instrument

__all__ = ["instrument"]

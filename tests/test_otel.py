"""The entry to telemetry: which providers count, and what is imported."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import metrics, trace

from messagebus import (
    AsyncEventstreamPublisher,
    AsyncMessageBus,
    ConfigurationError,
    SyncEventstreamPublisher,
    SyncMessageBus,
)
from messagebus.otel import instrument
from messagebus.testing.outbox import AsyncRecorder, SyncRecorder
from tests.library import BookRegistered
from tests.telemetry import Telemetry, id_of


def middleware_of(bus: AsyncMessageBus[Any] | SyncMessageBus[Any]) -> int:
    """Return how many middleware a bus has."""
    preparation = bus._preparation
    return len(preparation._around_listeners) + len(preparation._around_handle)


@pytest.mark.parametrize("new_bus", [AsyncMessageBus, SyncMessageBus])
def test_nothing_is_added_where_no_provider_is_configured(new_bus: Any) -> None:
    """The bus dispatches as before."""
    bus = new_bus()
    instrument(bus)
    nothing: dict[str, Any] = {
        "tracer_provider": trace.NoOpTracerProvider(),
        "meter_provider": metrics.NoOpMeterProvider(),
    }
    instrument(bus, **nothing)
    assert 0 == middleware_of(bus)


@pytest.mark.parametrize("provider", ["tracer_provider", "meter_provider"])
def test_one_provider_is_enough(provider: str) -> None:
    """An application may want traces without metrics, or the other way round."""
    telemetry, bus = Telemetry(), AsyncMessageBus[Any]()
    given = {"tracer_provider": telemetry.tracers, "meter_provider": telemetry.meters}
    options: dict[str, Any] = {provider: given[provider]}
    instrument(bus, **options)
    assert 2 == middleware_of(bus)


def test_a_component_is_instrumented_once() -> None:
    """The command line instruments a consumer that its application has instrumented, too."""
    telemetry, bus = Telemetry(), SyncMessageBus[Any]()
    telemetry.instrument(bus)
    telemetry.instrument(bus)
    assert 2 == middleware_of(bus)


def test_a_provider_that_is_set_later_can_be_waited_for() -> None:
    """That costs what telemetry costs, though it may never come."""
    bus = SyncMessageBus[Any]()
    instrument(bus, force=True)
    assert 2 == middleware_of(bus)


@pytest.mark.parametrize(
    ("components", "options", "reason"),
    [
        ((object(),), {}, "is no bus, relay, consumer of the inbox or publisher"),
        ((), {"tracing": "child"}, "'link' or 'parent', not 'child'"),
    ],
)
def test_what_cannot_be_instrumented_is_refused(
    components: tuple[object, ...], options: dict[str, Any], reason: str
) -> None:
    """Whether there is a provider or not."""
    with pytest.raises(ConfigurationError, match=reason):
        instrument(*components, **options)


@pytest.mark.slow
def test_the_facade_and_the_bus_do_not_import_opentelemetry() -> None:
    """Who does not use it pays nothing, not even when it is installed."""
    modules = "messagebus, messagebus.adapters.sqlalchemy, messagebus.inbox, messagebus.cli"
    program = f"import sys, {modules}; sys.exit('opentelemetry' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.slow
def test_a_missing_api_is_reported_with_the_extra() -> None:
    """It says how to install it."""
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from messagebus.exceptions import MissingExtraError\n"
        "try:\n    import messagebus.otel\n"
        "except MissingExtraError as error:\n    sys.exit(error.extra != 'otel')\n"
        "sys.exit(2)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_publisher_sends_the_context_of_its_span() -> None:
    """Without an outbox, sending publishes."""
    telemetry, transport = Telemetry(), SyncRecorder()
    publisher = SyncEventstreamPublisher(transport)
    telemetry.instrument(publisher)
    publisher.send_message(BookRegistered(id="1"))
    [span] = telemetry.spans
    assert ("send", f"{id_of(span):016x}") == (
        span.name,
        transport.sent[0]["traceparent"].split("-")[2],
    )


async def test_a_failure_of_an_asynchronous_publisher_is_recorded() -> None:
    """It is raised as the transport raised it."""
    telemetry, transport = Telemetry(), AsyncRecorder()
    publisher = AsyncEventstreamPublisher(transport)
    telemetry.instrument(publisher)
    transport.down = True
    with pytest.raises(ConnectionError, match="down"):
        await publisher.send_message(BookRegistered(id="1"))
    kind = "messagebus.exceptions.TransportUnavailableError"
    assert kind == (telemetry.spans[0].attributes or {})["error.type"]
    assert {kind: 1} == telemetry.metric("messaging.client.sent.messages", "error.type")

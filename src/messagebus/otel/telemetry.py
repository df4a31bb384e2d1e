"""The spans, and the durations that are measured with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter, time_ns
from typing import Any, Literal
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Span, SpanContext, SpanKind, Tracer

from .._compat.callables import describe
from ..domain.model import Message
from ..exceptions import BatchSendError
from ..inbox.delivery import Delivery
from . import conventions as names
from .context import context_of, context_of_delivery, links_to, read_context
from .metrics import Instruments
from .place import Place

Tracing = Literal["link", "parent"]

_LONGEST = 200  # characters of what a sender has written


class Telemetry:
    """Writes the spans and the durations of what the package does.

    Args:
        tracer: makes the spans.
        instruments: record the metrics.
        tracing: whether a span of one message is linked to the span that published the message,
            or its child.
    """

    def __init__(self, tracer: Tracer, instruments: Instruments, tracing: Tracing) -> None:
        self._tracer = tracer
        self.instruments: Instruments = instruments
        self._tracing = tracing

    @contextmanager
    def handle(self, message: Message[Any], correlation_id: UUID | None) -> Iterator[None]:
        """Tell of the handling of a message with everything that it causes."""
        name = message.metadata.name
        attributes = _of_message(message, correlation_id or message.message_id, None)
        with self._span(
            f"handle {name}",
            SpanKind.INTERNAL,
            attributes,
            self.instruments.handle_duration,
            {names.MESSAGE_NAME: name},
        ):
            yield

    @contextmanager
    def listener(self, call: Any) -> Iterator[None]:
        """Tell of the call of a listener."""
        message, function = call.message, call.function
        transaction = call.transaction
        ids = transaction.correlation_id, transaction.causation_id
        name = describe(function)
        details = {names.FUNCTION: name}
        with self._span(
            f"listen {name.rpartition('.')[2]}",
            SpanKind.INTERNAL,
            {**_of_message(message, *ids), **details},
            self.instruments.listener_duration,
            {names.MESSAGE_NAME: message.metadata.name, **details},
        ):
            yield

    def create(self, transaction: Any, message: Message[Any]) -> dict[str, str]:
        """Tell that a message enters the outbox; return the context that travels with it."""
        name = message.metadata.name
        ids = transaction.correlation_id, transaction.causation_id
        attributes = _of_message(message, *ids) | _operation("create", "create")
        attributes[names.SYSTEM] = names.INTERNAL_SYSTEM
        span = self._tracer.start_span(
            f"create {name}", kind=SpanKind.PRODUCER, attributes=attributes
        )
        span.end()
        return context_of(span)

    @contextmanager
    def send(
        self, place: Place, messages: Sequence[Mapping[str, Any]]
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Tell of the sending of messages; give them with a trace context where they have none."""
        contexts = [read_context(each) for each in messages]
        is_created = any(contexts)
        details = place.details("send")
        attributes = details | _operation("send", "send") | {names.BATCH_COUNT: len(messages)}
        if len(messages) == 1:
            attributes |= _of_wire(messages[0])
        sent = self.instruments.sent
        with self._span(
            place.name("send"),
            SpanKind.CLIENT if is_created else SpanKind.PRODUCER,
            attributes,
            self.instruments.operation_duration,
            details,
            contexts,
        ) as span:
            if not all(contexts):
                own = context_of(span)
                messages = [
                    each if context else {**each, **own}
                    for each, context in zip(messages, contexts, strict=True)
                ]
            try:
                yield messages
            except BatchSendError as error:
                sent.add(error.sent, details)
                sent.add(1, {**details, names.ERROR_TYPE: _name_of(error.__cause__ or error)})
                raise
            except Exception as error:
                sent.add(1, {**details, names.ERROR_TYPE: _name_of(error)})
                raise
            sent.add(len(messages), details)

    @contextmanager
    def receive(self, consumer: str) -> Iterator[list[Delivery]]:
        """Tell what was received, which the block appends to a list; of nothing, tell nothing."""
        received: list[Delivery] = []
        begun, begun_at = time_ns(), perf_counter()
        failure: Exception | None = None
        try:
            yield received
        except Exception as error:
            failure = error
            raise
        finally:
            if received or failure is not None:
                place = Place.of(received[0]) if received else Place("custom", None)
                details = {**place.details("receive"), names.CONSUMER_GROUP: consumer}
                attributes = details | _operation("receive", "receive")
                attributes[names.BATCH_COUNT] = len(received)
                span = self._tracer.start_span(
                    place.name("receive"),
                    kind=SpanKind.CLIENT,
                    attributes=attributes,
                    links=links_to([context_of_delivery(each) for each in received]),
                    start_time=begun,
                )
                if failure is not None:
                    details[names.ERROR_TYPE] = _name_of(failure)
                    span.record_exception(failure)
                    span.set_attribute(names.ERROR_TYPE, details[names.ERROR_TYPE])
                    span.set_status(trace.StatusCode.ERROR, str(failure))
                span.end()
                duration = perf_counter() - begun_at
                self.instruments.operation_duration.record(duration, details)
                self.instruments.consumed.add(len(received), details)

    @contextmanager
    def process(
        self, consumer: str, deliveries: Sequence[Delivery], messages: Sequence[Message[Any]]
    ) -> Iterator[None]:
        """Tell of the processing of messages in one transaction, with its commit."""
        place = Place.of(deliveries[0])
        details = {**place.details("process"), names.CONSUMER_GROUP: consumer}
        attributes = details | _operation("process", "process")
        attributes[names.PARTITION] = str(deliveries[0].partition)
        if len(deliveries) == 1:
            attributes |= _of_wire(deliveries[0].wire or {})
        else:
            attributes[names.BATCH_COUNT] = len(deliveries)
        present = datetime.now(UTC)
        for message in messages:
            lag = (present - message.created_at).total_seconds()
            self.instruments.lag.record(max(lag, 0.0), details)
        with self._span(
            place.name("process"),
            SpanKind.CONSUMER,
            attributes,
            self.instruments.process_duration,
            details,
            [context_of_delivery(each) for each in deliveries],
        ):
            yield

    @contextmanager
    def settle(self, consumer: str, deliveries: Sequence[Delivery]) -> Iterator[None]:
        """Tell that messages are settled."""
        place = Place.of(deliveries[0])
        details = {**place.details("settle"), names.CONSUMER_GROUP: consumer}
        attributes = details | _operation("settle", "settle")
        with self._span(
            place.name("settle"),
            SpanKind.CLIENT,
            attributes | {names.BATCH_COUNT: len(deliveries)},
            self.instruments.operation_duration,
            details,
        ):
            yield

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, Any],
        duration: Histogram,
        dimensions: dict[str, Any],
        origins: Sequence[SpanContext | None] = (),
    ) -> Iterator[Span]:
        """Make a span the current one, and record how long it takes.

        Args:
            name: the name of the span.
            kind: its kind.
            attributes: what is known when it begins.
            duration: records how long it takes.
            dimensions: the attributes of the duration.
            origins: the spans that published the messages.
        """
        parent: Context | None = None
        first = origins[0] if len(origins) == 1 else None
        if self._tracing == "parent" and first is not None:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(first))
            origins = ()
        begun = perf_counter()
        with self._tracer.start_as_current_span(
            name, parent, kind, attributes=attributes, links=links_to(origins)
        ) as span:
            try:
                yield span
            except BaseException as error:
                kind_of_error = _name_of(error)
                dimensions = {**dimensions, names.ERROR_TYPE: kind_of_error}
                span.set_attribute(names.ERROR_TYPE, kind_of_error)
                raise
            finally:
                duration.record(perf_counter() - begun, dimensions)


def _operation(name: str, kind: str) -> dict[str, Any]:
    return {names.OPERATION: name, names.OPERATION_TYPE: kind}


def _of_message(
    message: Message[Any], correlation_id: UUID | None, causation_id: UUID | None
) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        names.MESSAGE_NAME: message.metadata.name,
        names.MESSAGE_VERSION: message.metadata.schema_version,
        names.MESSAGE_ID: str(message.message_id),
    }
    if correlation_id is not None:
        attributes[names.CONVERSATION_ID] = str(correlation_id)
    if causation_id is not None:
        attributes[names.CAUSATION_ID] = str(causation_id)
    return attributes


_KEYS = {
    "id": names.MESSAGE_ID,
    "correlation_id": names.CONVERSATION_ID,
    "causation_id": names.CAUSATION_ID,
}


def _of_wire(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a wire message says, whoever wrote it."""
    found = {name: wire.get(key) for key, name in _KEYS.items()}
    return {name: value[:_LONGEST] for name, value in found.items() if isinstance(value, str)}


def _name_of(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")

"""A process that writes its spans to a file, one JSON document on a line.

``python -m tests.tracing FILE SERVICE shop DATABASE link|parent`` takes an order in a request.
``python -m tests.tracing FILE SERVICE relay|consume …`` runs a command of ``messagebus``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from examples.shop.bootstrap import open_shop
from examples.shop.messages import OrderLine, RegisterProduct, TakeOrder
from messagebus.adapters.memory import AsyncMemoryTransport
from messagebus.cli import main as messagebus
from messagebus.otel import instrument


class JsonLines(SpanExporter):
    """Appends spans to a file.

    Args:
        file: the file.
        service: the name of the process.
    """

    def __init__(self, file: Path, service: str) -> None:
        self._file = file
        self._service = service

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append spans."""
        with self._file.open("a") as file:
            for span in spans:
                print(json.dumps(self._told(span)), file=file)
        return SpanExportResult.SUCCESS

    def _told(self, span: ReadableSpan) -> dict[str, Any]:
        context: Any = span.get_span_context()
        return {
            "service": self._service,
            "name": span.name,
            "kind": span.kind.name,
            "trace": context.trace_id,
            "span": context.span_id,
            "parent": None if span.parent is None else span.parent.span_id,
            "links": [each.context.span_id for each in span.links],
            "attributes": dict(span.attributes or {}),
        }


async def take_an_order(database: str, tracing: Any) -> None:
    """Take an order in a request, as an API does whose framework is instrumented."""
    async with open_shop(database, AsyncMemoryTransport()) as shop:
        instrument(shop.bus, tracing=tracing)
        with trace.get_tracer("api").start_as_current_span(
            "POST /orders", kind=trace.SpanKind.SERVER
        ):
            async with shop.uow as transaction:
                product = RegisterProduct(sku="tea", name="Tea", stock=9)
                await shop.bus.handle(product, transaction)
                order = TakeOrder(order_id="1", lines=[OrderLine(sku="tea", quantity=2)])
                await shop.bus.handle(order, transaction)
                await transaction.commit()


def main(file: str, service: str, command: str, *arguments: str) -> int:
    """Run a command, and write its spans."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(JsonLines(Path(file), service)))
    trace.set_tracer_provider(provider)
    if command == "shop":
        asyncio.run(take_an_order(*arguments))
        return 0
    if command == "consume":
        from examples.shipping.app import app

        instrument(app.bus)
    return messagebus([command, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

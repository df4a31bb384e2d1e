"""A process that writes its spans to a file, one JSON document on a line.

``python -m tests.tracing FILE SERVICE api DATABASE`` serves the commands of the shop over HTTP.
``python -m tests.tracing FILE SERVICE relay|consume …`` runs a command of ``messagebus``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from examples.shop.bootstrap import Shop, open_shop
from examples.shop.messages import RegisterProduct, TakeOrder
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


def new_api(database: str) -> FastAPI:
    """Return an application that executes commands of the shop, and traces its requests itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Shop]]:
        async with open_shop(database, AsyncMemoryTransport()) as shop:
            instrument(shop.bus)
            yield {"shop": shop}

    app = FastAPI(lifespan=lifespan)

    @app.post("/products", status_code=204)
    async def register_product(command: RegisterProduct, request: Request) -> None:
        await request.state.shop.bus.execute(command, request.state.shop.uow)

    @app.post("/orders", status_code=204)
    async def take_order(command: TakeOrder, request: Request) -> None:
        await request.state.shop.bus.execute(command, request.state.shop.uow)

    return app


def main(file: str, service: str, command: str, *arguments: str) -> int:
    """Run a command, and write its spans."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(JsonLines(Path(file), service)))
    trace.set_tracer_provider(provider)
    if command == "api":
        uvicorn.run(new_api(*arguments), port=0, access_log=False)
        return 0
    if command == "consume":
        from examples.shipping.app import app

        instrument(app.bus)
    return messagebus([command, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""The entrypoint by HTTP."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from .bootstrap import Service
from .messages import Allocate, CreateBatch
from .model import UnknownSkuError
from .read_model import allocations_of


def create_web(service: Service) -> FastAPI:
    """Create the web application of a service."""
    web = FastAPI(title="Allocation")

    @web.exception_handler(UnknownSkuError)
    async def refuse(_: Request, error: UnknownSkuError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 404)

    @web.post("/batches", status_code=201)
    def create_batch(command: CreateBatch) -> None:
        service.execute(command)

    @web.post("/allocations", status_code=202)
    def allocate(command: Allocate) -> dict[str, str | None]:
        return {"batch": service.execute(command)}

    @web.get("/allocations/{order_id}")
    def show(order_id: str) -> Any:
        found = allocations_of(order_id, service.engine)
        if not found:
            return JSONResponse({"detail": f"nothing is allocated to {order_id}"}, 404)
        return [each._asdict() for each in found]

    return web

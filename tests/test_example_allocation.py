"""The allocation service from end to end: HTTP, database, relay, consumer and e-mail."""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from examples.allocation.bootstrap import Service
from examples.allocation.messages import Allocate, BatchQuantityChanged, CreateBatch
from examples.allocation.model import Product
from examples.allocation.notifications import Emails
from examples.allocation.read_model import allocations_of
from examples.allocation.tables import outbox
from examples.allocation.unit_of_work import UnitOfWork
from examples.allocation.web import create_web
from messagebus import MessageSerializer, SyncHandleCall
from messagebus.adapters.memory import SyncMemorySource, SyncMemoryTransport
from messagebus.adapters.sqlalchemy import SyncOutboxRelay
from messagebus.inbox import SyncInboxConsumer
from messagebus.typing import SyncNext

ROOT = Path(__file__).parents[1]
RUNNING = re.compile(r"Uvicorn running on (http://\S+)")


class Letters:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, address: str, text: str) -> None:
        """Keep a letter."""
        self.sent.append((address, text))


class Allocation:
    """The service with its neighbours.

    Attributes:
        letters: what buyers were told.
        service: the service.
        client: sends requests to it.
        transport: the broker that it publishes to.
        warehouse: the broker that the warehouse publishes to.
    """

    def __init__(self, database: str) -> None:
        self.letters = Letters()
        self.service = Service(database, lambda: self.letters)
        self.service.create_tables()
        self.client = TestClient(create_web(self.service))
        self.transport = SyncMemoryTransport()
        self.warehouse = SyncMemoryTransport(deduplicate=False)

    def buy(self, ref: str, quantity: int, eta: str | None = None) -> None:
        """Enter a batch of lamps."""
        body = {"ref": ref, "sku": "lamp", "quantity": quantity, "eta": eta}
        assert 201 == self.client.post("/batches", json=body).status_code

    def order(self, order_id: str, quantity: int) -> Any:
        """Order lamps; return the batch."""
        body = {"order_id": order_id, "sku": "lamp", "quantity": quantity}
        answer = self.client.post("/allocations", json=body)
        assert 202 == answer.status_code
        return answer.json()["batch"]

    def lines(self, order_id: str) -> Any:
        """Return what is allocated to an order."""
        return self.client.get(f"/allocations/{order_id}").json()

    def count(self, *counted: BatchQuantityChanged) -> None:
        """Let the warehouse publish, twice as brokers may, and the service consume."""
        for event in counted:
            wire = MessageSerializer().serialize_message(event)
            self.warehouse.send_messages_serialized([wire, wire])
        source = SyncMemorySource(self.warehouse, "allocation")
        service = self.service
        SyncInboxConsumer("allocation", source, service.bus, service.unit_of_work).drain()

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        """Return types and payloads of what the relay sends."""
        del self.transport.sent[:]
        SyncOutboxRelay(self.service.engine, self.transport, tables=outbox).drain()
        return [(each["type"], json.loads(each["payload"])) for each in self.transport.sent]


@pytest.fixture
def allocation(tmp_path: Path) -> Iterator[Allocation]:
    """Return the service on SQLite."""
    allocation = Allocation(f"sqlite:///{tmp_path / 'allocation.db'}")
    yield allocation
    allocation.service.engine.dispose()


def test_an_order_is_allocated_and_published(allocation: Allocation) -> None:
    """By HTTP, into the read model and to the broker."""
    allocation.buy("later", 100, "2030-01-02")
    allocation.buy("here", 100)

    assert "here" == allocation.order("o1", 3)
    assert [{"sku": "lamp", "quantity": 3, "batch": "here"}] == allocation.lines("o1")
    line = {"order_id": "o1", "sku": "lamp", "quantity": 3}
    assert [("allocated_v1", {**line, "batch": "here"})] == allocation.published()


def test_the_same_order_is_allocated_once(allocation: Allocation) -> None:
    """A client that asks again gets the same answer."""
    allocation.buy("b1", 100)

    assert ["b1", "b1"] == [allocation.order("o1", 3) for _ in range(2)]
    assert 1 == len(allocation.published())


def test_what_cannot_be_done_is_an_answer(allocation: Allocation) -> None:
    """Each refusal has its status, and leaves nothing behind."""
    body = {"order_id": "o1", "sku": "chair", "quantity": 1}
    unknown = allocation.client.post("/allocations", json=body)
    invalid = allocation.client.post("/allocations", json={**body, "quantity": 0})
    forged = allocation.client.post("/allocations", json={**body, "metadata": {}})
    nothing = allocation.client.get("/allocations/o1")

    assert [404, 422, 422, 404] == [
        each.status_code for each in (unknown, invalid, forged, nothing)
    ]
    assert {"detail": "there is no product chair"} == unknown.json()
    assert [] == allocation.published()


@pytest.mark.slow
def test_what_the_warehouse_counts_is_applied_once(allocation: Allocation) -> None:
    """Lines move to another batch, in the read model and for others to know."""
    allocation.buy("b1", 10)
    allocation.buy("b2", 10)
    allocation.order("o1", 6)
    allocation.order("o2", 4)
    allocation.published()

    allocation.count(BatchQuantityChanged(ref="b1", quantity=7))

    assert [{"sku": "lamp", "quantity": 6, "batch": "b1"}] == allocation.lines("o1")
    assert [{"sku": "lamp", "quantity": 4, "batch": "b2"}] == allocation.lines("o2")
    line = {"order_id": "o2", "sku": "lamp", "quantity": 4}
    assert [
        ("deallocated_v1", line),
        ("allocated_v1", {**line, "batch": "b2"}),
    ] == allocation.published()


@pytest.mark.slow
def test_a_line_without_a_batch_is_no_longer_shown(allocation: Allocation) -> None:
    """And buyers are told, once, however often the broker delivers."""
    allocation.buy("b1", 10)
    allocation.order("o1", 6)

    allocation.count(BatchQuantityChanged(ref="b1", quantity=5))

    assert 404 == allocation.client.get("/allocations/o1").status_code
    assert [("buyers@example.com", "Out of stock: lamp")] == allocation.letters.sent


def test_orders_at_once_get_no_more_than_there_is(postgres_url: str) -> None:
    """Where two transactions change a product at once, one begins again: nothing is sold twice."""
    allocation = Allocation(postgres_url)
    both = threading.Barrier(2, timeout=30.0)
    conflicts: list[str] = []
    allocation.buy("b1", 5)

    def order(order_id: str) -> str | None:
        """Load the product, wait until the other transaction has it too, then allocate."""
        attempts = 0

        def meet(call: SyncHandleCall, call_next: SyncNext[SyncHandleCall]) -> Any:
            nonlocal attempts
            attempts += 1
            uow = call.transaction.uow
            assert isinstance(uow, UnitOfWork)
            uow.session.get(Product, "lamp")
            if attempts == 1:
                both.wait()
            else:
                conflicts.append(order_id)
            return call_next(call)

        service = Service(postgres_url, lambda: allocation.letters)
        service.bus.add_middleware(meet, around="handle")
        try:
            batch: str | None = service.execute(Allocate(order_id=order_id, sku="lamp", quantity=5))
            return batch
        finally:
            service.engine.dispose()

    with ThreadPoolExecutor(2) as threads:
        batches = list(threads.map(order, ["o1", "o2"]))

    found = [allocations_of(order_id, allocation.service.engine) for order_id in ("o1", "o2")]
    allocation.service.engine.dispose()
    assert 1 == len(conflicts)
    assert {"b1", None} == set(batches)
    assert 1 == sum(map(len, found))


@pytest.mark.slow
def test_the_entrypoint_by_http_is_a_process(tmp_path: Path) -> None:
    """It serves until it is told to stop, and what it took is there for the next one."""
    database = f"sqlite:///{tmp_path / 'allocation.db'}"
    command = [sys.executable, "-m", "examples.allocation", "0"]
    environment = {**os.environ, "ALLOCATION_DATABASE": database}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        url = next(found[1] for line in lines if (found := RUNNING.search(line)))
        body = {"ref": "b1", "sku": "lamp", "quantity": 1}
        answer = httpx.post(f"{url}/batches", json=body)
        process.terminate()

    assert 201 == answer.status_code
    service = Service(database, Letters)
    with service.unit_of_work() as transaction:
        found_batch = transaction.products.get_by_batch("b1").sku
        transaction.rollback()
    service.engine.dispose()
    assert "lamp" == found_batch


@pytest.mark.slow
def test_the_command_line_finds_the_service(tmp_path: Path) -> None:
    """What `messagebus consume` is given has the bus that hears the warehouse."""
    command = [sys.executable, "-m", "messagebus", "describe", "examples.allocation.app:app"]
    environment = {**os.environ, "ALLOCATION_DATABASE": f"sqlite:///{tmp_path / 'a.db'}"}
    described = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert "batch_quantity_changed" in described.stdout


class Mailbox(socketserver.StreamRequestHandler):
    """As much of an SMTP server as a letter needs."""

    def handle(self) -> None:
        """Answer a client, and keep what it sends."""
        self.wfile.write(b"220 mailbox\r\n")
        while line := self.rfile.readline().strip():
            if line.upper() == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                letter = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.letters.append(letter.decode())  # type: ignore[attr-defined]
            if line.upper() == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                break
            self.wfile.write(b"250 ok\r\n")


@pytest.mark.parametrize("commits", [True, False])
def test_an_email_leaves_after_the_commit(tmp_path: Path, commits: bool) -> None:
    """And not at all if the transaction is rolled back."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox) as server:
        letters: list[str] = []
        server.letters = letters  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        emails = partial(Emails, "127.0.0.1", server.server_address[1])
        service = Service(f"sqlite:///{tmp_path / 'allocation.db'}", emails)
        service.create_tables()
        service.execute(CreateBatch(ref="b1", sku="lamp", quantity=1))

        with service.unit_of_work() as transaction:
            service.bus.handle(Allocate(order_id="o1", sku="lamp", quantity=2), transaction)
            before = list(letters)
            if commits:
                transaction.commit()
            else:
                transaction.rollback()

        service.engine.dispose()
        server.shutdown()
        thread.join()

    assert [] == before
    assert commits == ("Subject: Out of stock: lamp" in "".join(letters))

"""The handlers of the second service, in memory and on a database, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from pydantic import BaseModel

from examples.shipping import tables
from examples.shipping.handlers import UnknownOrderError
from examples.shipping.messages import OrderCancelled, OrderLine, OrderTaken
from examples.shipping.unit_of_work import UnitOfWork
from examples.shop import messages as shop
from messagebus import (
    Event,
    MessageSerializer,
    Model,
    SyncAbstractRepository,
    SyncMessageBus,
)
from messagebus.adapters.sqlalchemy import prepare_sqlite
from messagebus.inbox import ConsumerOptions, DeadLetter, SyncInboxConsumer
from messagebus.retry import Backoff
from messagebus.serialization.deserializer import MessageDeserializer
from messagebus.testing import (
    MemorySession,
    MemoryStore,
    Scenarios,
    SyncMemorySource,
    SyncMemoryTransport,
    SyncMemoryUnitOfWork,
    SyncScenario,
)
from messagebus.testing.strategies import messages


class Shipment(BaseModel):
    """A row of the table of shipments."""

    items: int
    state: str = "planned"
    changes: int = 1


class ShipmentsInMemory(SyncAbstractRepository[Model]):
    """The shipments, with the methods of those on a database."""

    def __init__(self, session: MemorySession) -> None:
        super().__init__()
        self.rows = session.table(Shipment)

    def plan(self, order_id: str, items: int) -> None:
        """Plan a shipment."""
        assert order_id not in self.rows
        self.rows[order_id] = Shipment(items=items)

    def cancel(self, order_id: str) -> bool:
        """Cancel a shipment; return whether there is one."""
        shipment = self.rows.get(order_id)
        if shipment is None:
            return False
        shipment.state = "cancelled"
        shipment.changes += 1
        return True


class ShippingInMemory(SyncMemoryUnitOfWork[ShipmentsInMemory]):
    """A transaction of the service."""

    shipments: ShipmentsInMemory

    def attach(self, session: MemorySession) -> None:
        """Create the repository."""
        self.shipments = ShipmentsInMemory(session)


Shipments = Callable[[], dict[str, Shipment]]


@pytest.fixture
def bus() -> SyncMessageBus[Any]:
    """Return a bus with the handlers of the service."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.scan("examples.shipping.handlers")
    return bus


@pytest.fixture(params=["memory", "sqlite"])
def shipping(
    request: pytest.FixtureRequest,
    bus_scenario: Scenarios,
    bus: SyncMessageBus[Any],
    tmp_path: Path,
) -> Iterator[tuple[SyncScenario, Shipments]]:
    """Yield a scenario in memory, and one on a database, with what reads the shipments."""
    if request.param == "memory":
        store = MemoryStore()
        scenario = bus_scenario(bus, ShippingInMemory(store))
        yield scenario, lambda: dict(store.table(Shipment))
        return
    engine = prepare_sqlite(sa.create_engine(f"sqlite:///{tmp_path / 'shipping.db'}"))
    tables.metadata.create_all(engine)

    def shipments() -> dict[str, Shipment]:
        with engine.connect() as connection:
            rows = connection.execute(sa.select(tables.shipments)).mappings()
            return {row["order_id"]: Shipment.model_validate({**row}) for row in rows}

    yield bus_scenario(bus, UnitOfWork(engine, tables=tables.inbox)), shipments
    engine.dispose()


def taken(order_id: str, *quantities: int) -> OrderTaken:
    """Return the event of an order with lines of these quantities."""
    lines = [
        OrderLine(sku=f"TEA-{number}", quantity=each) for number, each in enumerate(quantities)
    ]
    return OrderTaken(order_id=order_id, lines=lines)


def test_an_order_is_planned_with_all_its_items(shipping: tuple[SyncScenario, Shipments]) -> None:
    """The service raises no events of its own."""
    scenario, shipments = shipping
    scenario.given(taken("O-1", 1)).when(taken("O-2", 2, 3)).then()
    assert {"O-1": Shipment(items=1), "O-2": Shipment(items=5)} == shipments()


def test_a_cancelled_order_is_not_shipped(shipping: tuple[SyncScenario, Shipments]) -> None:
    """Other orders are."""
    scenario, shipments = shipping
    scenario.given(taken("O-1", 1), taken("O-2", 2)).when(OrderCancelled(order_id="O-1")).then()
    cancelled = Shipment(items=1, state="cancelled", changes=2)
    assert {"O-1": cancelled, "O-2": Shipment(items=2)} == shipments()


def test_an_unknown_order_cannot_be_cancelled(shipping: tuple[SyncScenario, Shipments]) -> None:
    """The error names it."""
    scenario, shipments = shipping
    scenario.given(taken("O-1", 1))
    scenario.when(OrderCancelled(order_id="O-9")).fails(UnknownOrderError, match="O-9")
    assert {"O-1": Shipment(items=1)} == shipments()


def test_what_the_shop_publishes_is_handled_once(
    bus_scenario: Scenarios, bus: SyncMessageBus[Any], dead_letters: Sequence[DeadLetter]
) -> None:
    """A message that comes twice has no further effect; one that cannot be handled is buried."""
    store = MemoryStore()
    bus_scenario(bus, ShippingInMemory(store))
    transport = SyncMemoryTransport(deduplicate=False)
    lines = [shop.OrderLine(sku="TEA-1", quantity=2)]
    first = shop.OrderTaken(order_id="O-1", lines=lines)
    unknown = shop.OrderCancelled(order_id="O-9", lines=lines)
    unheard = shop.RestockRequested(sku="TEA-1", stock=1)
    sent: list[Event] = [first, unknown, unheard, first]
    for event in sent:
        transport.send_message_serialized(MessageSerializer().serialize_message(event))

    consumer = SyncInboxConsumer(
        "shipping",
        SyncMemorySource(transport, "shipping"),
        bus,
        partial(ShippingInMemory, store),
        options=ConsumerOptions(max_attempts=2, backoff=Backoff(first=0.001)),
    )
    assert 1 == consumer.drain()

    assert {"O-1": Shipment(items=2)} == store.table(Shipment)
    assert (1, 1) == (consumer.status().duplicates, consumer.status().skipped)
    [letter] = dead_letters
    assert letter.error_type.endswith("UnknownOrderError")


@pytest.mark.slow
@given(messages(shop.OrderTaken), messages(shop.OrderCancelled))
def test_the_service_reads_whatever_the_shop_publishes(
    taken: shop.OrderTaken, cancelled: shop.OrderCancelled
) -> None:
    """The two share names and versions of events, and no code."""
    deserializer = MessageDeserializer([OrderTaken, OrderCancelled])
    serializer = MessageSerializer()
    for event in (taken, cancelled):
        read: Any = deserializer.deserialize_message(serializer.serialize_message(event))
        assert (event.order_id, event.message_id) == (read.order_id, read.message_id)
        if isinstance(read, OrderTaken):
            of_shop = [(line.sku, line.quantity) for line in event.lines]
            assert of_shop == [(line.sku, line.quantity) for line in read.lines]

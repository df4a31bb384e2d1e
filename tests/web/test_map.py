"""The map of a bus on the page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from examples.shop.bootstrap import new_bus
from messagebus import AsyncMessageBus, Command, ConfigurationError, Event, Metadata, SyncMessageBus
from messagebus.description import describe
from messagebus.drawing import to_svg
from messagebus.web import create_app
from tests.drawing.maps import HOSTILE
from tests.running.aio import AsyncEngine
from tests.web.conftest import admit, connect


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


async def page_of(engine: AsyncEngine, bus: Any) -> httpx.Response:
    """Return the page with the map of a bus."""
    async with connect(create_app(engine, authorize=admit, bus=bus)) as client:
        return await client.get("/map")


async def test_the_map_is_drawn_and_told_as_a_table(engine: AsyncEngine) -> None:
    """The drawing is that of `messagebus describe`; whoever cannot see it has the table."""
    bus = new_bus()
    page = await page_of(engine, bus)
    description = describe(bus)

    assert 200 == page.status_code
    assert to_svg(description) in page.text
    table = page.text.partition("<table>")[2]
    for message in description.messages:
        assert f"{message.name}_v{message.schema_version}" in table
    for listener in description.listeners:
        assert listener.name in table
    order_taken = table.partition("<td>OrderTaken ")[2].partition("</tr>")[0]
    assert "published" in order_taken
    assert "examples.shop.handlers.reserve_stock" in order_taken
    assert "may raise OrderTaken" in table.partition("<td>TakeOrder ")[2].partition("</tr>")[0]
    assert '<a href="/map" aria-current="page">Map</a>' in page.text


async def test_a_sync_bus_has_a_map_as_well(engine: AsyncEngine) -> None:
    """Only replaying dead letters asks for a bus that awaits."""
    bus: SyncMessageBus[Any] = SyncMessageBus()
    bus.scan("examples.shipping.handlers")
    page = await page_of(engine, bus)

    assert "examples.shipping.handlers.plan_shipment" in page.text


async def test_an_empty_bus_has_an_empty_map(engine: AsyncEngine) -> None:
    """The page says so."""
    page = await page_of(engine, SyncMessageBus())

    assert (200, 0) == (page.status_code, page.text.count("<svg"))
    assert "no listener" in page.text


async def test_without_a_bus_there_is_no_map(engine: AsyncEngine) -> None:
    """And no link to it."""
    async with connect(create_app(engine, authorize=admit)) as client:
        assert 404 == (await client.get("/map")).status_code
        assert ">Map<" not in (await client.get("/")).text


@pytest.mark.parametrize("bus", [None, SyncMessageBus()], ids=["none", "sync"])
def test_a_unit_of_work_needs_an_asynchronous_bus(engine: AsyncEngine, bus: Any) -> None:
    """Dead letters are replayed with both."""
    with pytest.raises(ConfigurationError, match="an asynchronous bus, which is missing"):
        create_app(engine, bus=bus, unit_of_work=lambda: pytest.fail("called"))


async def test_names_of_classes_are_text(engine: AsyncEngine) -> None:
    """No name is an element, an attribute or a style, which the security policy would refuse."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    plain = Elements((await page_of(engine, new_bus())).text)
    possible = [name for name in HOSTILE if not {*"\0\ud800"} & {*name}]  # as a name of a class
    for number, name in enumerate(possible):
        base = Command if number % 2 else Event
        metadata = Metadata(name=name or "empty", schema_version=1, published=True)
        body = {
            "__module__": name,
            "__doc__": name,
            "__annotations__": {"metadata": Metadata},
            "metadata": metadata,
        }
        message = type(f"{name}{number}", (base,), body)

        async def hear(message: Any, uow: Any) -> None: ...

        hear.__qualname__ = hear.__name__ = name
        hear.__module__ = name
        bus.add_listener(message, hear)
    page = await page_of(engine, bus)

    assert 200 == page.status_code
    hostile = Elements(page.text)
    assert {*hostile.tags} <= {*plain.tags}
    assert 1 == hostile.tags.count("script")
    assert hostile.attributes <= plain.attributes
    assert "style" not in hostile.attributes

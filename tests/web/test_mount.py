"""The page below a prefix of another application."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from importlib.resources import files

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import Message

from messagebus.web import create_app
from tests.running.aio import AsyncEngine
from tests.web.conftest import connect
from tests.web.forms import press
from tests.web.shop import Shop

HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"  # 2.0.11, minified


class Links(HTMLParser):
    """The addresses in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src", "action", "formaction", "hx-get"} and value:
                self.found.append(value)


def authorize(request: Request) -> str | None:
    """Admit whom the outer application knows."""
    return request.headers.get("x-user")


@pytest.fixture(params=["fastapi", "starlette", "twice"])
async def client(
    request: pytest.FixtureRequest, engine: AsyncEngine
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an application with the page below a prefix."""
    page = create_app(engine, authorize=authorize)
    if request.param == "fastapi":
        app: Starlette = FastAPI()
        app.mount("/ops/bus", page)
    elif request.param == "starlette":
        own = Route("/own", lambda _: PlainTextResponse("own"))
        app = Starlette(routes=[own, Mount("/ops/bus", page)])
    else:
        app = Starlette(routes=[Mount("/ops", Starlette(routes=[Mount("/bus", page)]))])
    async with connect(app, headers={"x-user": "ada"}) as client:
        yield client


@pytest.mark.slow
async def test_every_link_keeps_the_prefix(client: httpx.AsyncClient, shop: Shop) -> None:
    """Pages, forms, style, script and refreshed parts, also on a page that is not found."""
    (id,) = await shop.park("1")
    pages = ("/", "/messages", f"/messages/{id}", "/letters", f"/cascades/{id}")
    for path in (*pages, "/no", "/static/no"):
        page = await client.get(f"/ops/bus{path}")
        links = Links(page.text).found
        assert len(links) > 5
        for link in links:
            assert link.startswith(("/ops/bus/", "#"))
            if not link.startswith("#") and "/find" not in link:
                assert (await client.get(link)).status_code in {200, 405}
    style = await client.get("/ops/bus/static/page.css")
    assert files("messagebus.web").joinpath("static", "page.css").read_text("utf-8") == style.text


async def test_forms_work_below_a_prefix(client: httpx.AsyncClient, shop: Shop) -> None:
    """An action leads back to a page below it."""
    (id,) = await shop.park("1")
    page = await client.get(f"/ops/bus/messages/{id}")
    page = await press(client, page, "Replay", ids=str(id))

    assert f"/ops/bus/messages/{id}" == page.url.path
    assert "The relay will send it" in page.text


async def test_authorize_decides_below_a_prefix(client: httpx.AsyncClient) -> None:
    """It sees the request with all that the outer application has put into it."""
    assert 403 == (await client.get("/ops/bus/", headers={"x-user": ""})).status_code


def test_the_package_has_all_files() -> None:
    """Templates, style, and htmx as it was released, with its licence."""
    room = files("messagebus.web")
    script = room.joinpath("static", "htmx.min.js").read_bytes()
    static = {each.name for each in room.joinpath("static").iterdir()}

    assert {"htmx.LICENSE", "htmx.min.js", "icon.svg", "page.css"} == static
    assert room.joinpath("templates", "base.html").is_file()
    assert HTMX == hashlib.sha256(script).hexdigest()


async def test_a_websocket_is_closed(engine: AsyncEngine) -> None:
    """The page has none, and no browser may open one past the guard."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    page = create_app(engine, authorize=authorize)
    await page({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert [{"type": "websocket.close", "code": 1008}] == sent

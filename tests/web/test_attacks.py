"""What the page refuses: strangers, foreign names, forged forms, scripts and tricks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.requests import Request

from messagebus import ConfigurationError, Event, Metadata
from messagebus.web import create_app
from messagebus.web.forms import FormTokens
from tests.library import BookBorrowed
from tests.running.aio import AsyncEngine
from tests.web.conftest import admit, both_databases, connect
from tests.web.forms import Forms
from tests.web.shop import Shop

ID = "01a20526-ad91-743e-b996-93d3b24d6bec"
PATHS = [
    "/",
    "/messages",
    f"/messages/{ID}",
    f"/messages/{ID}/edit",
    "/letters",
    "/letters/1",
    "/letters/1/edit",
    f"/cascades/{ID}",
    f"/find?id={ID}",
    "/map",
    "/static/page.css",
    "/static/htmx.min.js",
    "/nothing",
]
ACTIONS = [
    "/messages/replay",
    "/messages/discard",
    "/messages/resend",
    f"/messages/{ID}/edit",
    "/letters/replay",
    "/letters/discard",
    "/letters/1/edit",
]
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"{{7*7}}"


async def token_of(client: httpx.AsyncClient, shop: Shop) -> str:
    """Return the token of a form."""
    if not await shop.letters.list():
        await shop.bury(BookBorrowed(id="1"))
    forms = Forms(await client.get("/letters"))
    return dict(forms.fields)["form_token"]


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_sees_anything_until_authorize_is_given(
    engine: AsyncEngine, path: str
) -> None:
    """Every path is refused, and so is every path for whom authorize does not know."""
    async with connect(create_app(engine)) as client:
        page = await client.get(path)
        assert 403 == page.status_code
        assert "without authorize" in page.text
    async with connect(create_app(engine, authorize=lambda _: None)) as client:
        page = await client.get(path)
        assert 403 == page.status_code
        assert "Dead letters" not in page.text


async def test_authorize_may_await_and_see_the_request(engine: AsyncEngine) -> None:
    """It decides by cookies, headers or whatever the application has put into the request."""

    async def authorize(request: Request) -> str | None:
        return {"key": "ada"}.get(request.headers.get("authorization", ""))

    async with connect(create_app(engine, authorize=authorize)) as client:
        assert 403 == (await client.get("/")).status_code
        page = await client.get("/", headers={"authorization": "key"})
        assert (200, True) == (page.status_code, "ada" in page.text)


async def test_authorize_must_name_the_user(engine: AsyncEngine) -> None:
    """True is nobody's name: forms are signed for a user, and actions logged with one."""
    wrong: Any = lambda _: True  # noqa: E731
    transport = httpx.ASGITransport(create_app(engine, authorize=wrong))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with pytest.raises(ConfigurationError, match="must return the name of the user or None"):
            await client.get("/")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil",
        "",
        "localhost:80:80",
        "[::1",
        "a b",
    ],
)
async def test_a_foreign_host_is_refused(client: httpx.AsyncClient, host: str) -> None:
    """A name of the attacker that leads to this machine shows nothing."""
    page = await client.get("/", headers={"host": host})

    assert 400 == page.status_code
    assert "pending" not in page.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8765", "LOCALHOST:8765"])
async def test_the_names_of_this_machine_are_known(client: httpx.AsyncClient, host: str) -> None:
    """With any port, which a tunnel may change."""
    assert 200 == (await client.get("/", headers={"host": host})).status_code


async def test_two_hosts_are_none(engine: AsyncEngine) -> None:
    """Two headers could mean one thing to a proxy and another one to this page."""
    async with connect(create_app(engine, authorize=admit)) as client:
        request = client.build_request("GET", "/")
        request.headers = httpx.Headers([("host", "localhost"), ("host", "evil.example")])
        assert 400 == (await client.send(request)).status_code


async def test_other_hosts_can_be_named(engine: AsyncEngine) -> None:
    """They replace those of this machine."""
    app = create_app(engine, authorize=admit, hosts=["Ops.example.com"])
    async with connect(app) as client:
        assert 400 == (await client.get("/")).status_code
        page = await client.get("/", headers={"host": "ops.example.com:443"})
        assert 200 == page.status_code


@pytest.mark.parametrize("path", ACTIONS)
async def test_an_action_is_no_get(client: httpx.AsyncClient, shop: Shop, path: str) -> None:
    """A link or a picture changes nothing."""
    (id,) = await shop.park("1")
    await shop.bury(BookBorrowed(id="1"))
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        answer = await client.request(method, f"{path}?ids={id}&positions=1&all=1&confirmed=1")
        assert answer.status_code in {400, 404, 405} or path.endswith("/edit")
    message = await shop.outbox.get(id)
    assert message is not None
    assert "parked" == message.state
    assert 1 == len(await shop.letters.list())


@pytest.mark.parametrize("path", ACTIONS)
async def test_a_forged_form_is_refused(client: httpx.AsyncClient, shop: Shop, path: str) -> None:
    """Without a token, with one of somebody else, an old or a made one, or from another page."""
    (id,) = await shop.park("1")
    token = await token_of(client, shop)
    end, _, signature = token.partition(".")
    data = {"ids": str(id), "positions": "1", "payload": "{}", "confirmed": "1"}
    forged = [
        "",
        ".",
        "x",
        f"{int(end) + 1}.{signature}",
        f"{end}.{signature[:-1]}",
        f"{end}.ü",
        FormTokens(b"other").new("ada"),
        FormTokens(b"other").new("eve"),
    ]
    for each in forged:
        answer = await client.post(path, data={**data, "form_token": each})
        assert 403 == answer.status_code
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://localhost:8765.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = await client.post(path, data={**data, "form_token": token}, headers=headers)
        assert 403 == answer.status_code
    message = await shop.outbox.get(id)
    assert message is not None
    assert ("parked", '{"id":"1"}') == (message.state, message.payload)
    assert 1 == len(await shop.letters.list())


async def test_a_token_is_for_one_user_and_for_some_hours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Processes with the same secret know the tokens of each other."""
    token = FormTokens(b"secret").new("ada")

    assert FormTokens(b"secret").accepts(token, "ada")
    assert not FormTokens(b"secret").accepts(token, "eve")
    later = float(token.partition(".")[0]) + 1
    monkeypatch.setattr("messagebus.web.forms.time", lambda: later)
    assert not FormTokens(b"secret").accepts(token, "ada")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "text/plain", 415),
        (b"{}", "application/json", 415),
        (b"--x--", "multipart/form-data; boundary=x", 415),
        (b"form_token=%FF", "application/x-www-form-urlencoded", 400),
        (b"form_token=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * 1_001), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 2**24, "application/x-www-form-urlencoded", 413),
    ],
    ids=["text", "json", "multipart", "escaped", "raw", "fields", "size"],
)
async def test_what_is_no_form_is_refused(
    client: httpx.AsyncClient, body: bytes, kind: str, status: int
) -> None:
    """Of another type, not to be decoded, or too large."""
    answer = await client.post("/messages/replay", content=body, headers={"content-type": kind})

    assert status == answer.status_code


@pytest.mark.parametrize(
    "path",
    [
        f"/letters?before={10**19}",
        f"/letters?before={'9' * 5_000}",
        "/letters?before=-1",
        "/letters?before=1%27%20OR%201=1",
        f"/messages?before={2**63}",
        "/messages?before=%D9%A1",
        "/messages?state=every",
        "/messages?kind=x",
        "/messages?name=a%00b",
        f"/messages?name={'x' * 501}",
        "/messages?since=20261122",
        "/messages?since=0001-01-01T00:00%2B14:00",
        "/messages?until=9999-12-31T23:59-14:00",
        "/messages?correlation_id=1",
        "/letters?message_id=x",
        "/letters?error=%00",
        "/letters/x",
        f"/letters/{'9' * 5_000}",
        f"/letters/{2**63}",
        "/find",
        "/find?id=..%2F..",
    ],
)
async def test_fields_that_mean_nothing_are_refused(client: httpx.AsyncClient, path: str) -> None:
    """With 400 and no more than what was typed: no error of the database, and no traceback."""
    page = await client.get(path)

    assert 400 == page.status_code
    assert len(page.text) < 3_000


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/....//app.py",
        "/static/%2fetc%2fpasswd",
        "/static//etc/passwd",
        "/static/..%5capp.py",
        "/static/page.css%00.html",
        "/static/",
        f"/letters/{2**63 - 1}",
        "/messages/..%2f..%2fetc",
        f"/messages/{ID}/../{ID}/x",
        f"/messages/{ID}",
        f"/cascades/{ID}",
    ],
)
async def test_tricks_with_paths_lead_nowhere(client: httpx.AsyncClient, path: str) -> None:
    """There is nothing but the pages and three files."""
    answer = await client.get(path)

    assert answer.status_code in {404, 405}
    assert "import" not in answer.text
    assert "root:" not in answer.text


@both_databases
async def test_a_name_may_look_like_a_version_of_any_length(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """It is found nowhere, and no number is too large."""
    await shop.park("1")
    page = await client.get(f"/messages?name=a_v{'9' * 490}")

    assert 200 == page.status_code
    assert "No message is found" in page.text


@both_databases
async def test_scripts_in_messages_are_text(client: httpx.AsyncClient, shop: Shop) -> None:
    """In payload, error, name, header, origin, consumer and search, on every page."""

    class Hostile(Event):
        text: str = SCRIPT
        metadata: Metadata = Metadata(name=SCRIPT, schema_version=1, published=True)

    await shop.park(SCRIPT, error=SCRIPT)
    event = Hostile()
    async with shop.unit_of_work() as transaction:
        await shop.bus.handle(event, transaction)
        await transaction.commit()
    details: dict[str, Any] = dict.fromkeys(
        ("consumer", "origin", "error", "error_type", "traceback"), SCRIPT
    )
    (position,) = await shop.bury(event, headers={SCRIPT: SCRIPT}, body=SCRIPT.encode(), **details)
    (parked,) = await shop.outbox.list()
    await shop.outbox.edit(parked.message_id, '{"id": "<script>"}')
    for path in (
        "/",
        "/messages",
        "/messages?state=pending",
        f"/messages/{event.message_id}",
        f"/messages/{parked.message_id}",
        f"/messages/{parked.message_id}/edit",
        "/letters",
        f"/letters/{position}",
        f"/letters/{position}/edit",
        f"/cascades/{event.message_id}",
    ):
        page = await client.get(path)
        assert 200 == page.status_code
        assert 1 == page.text.count("<script")  # our own
        assert "<img" not in page.text
    for path in ("/letters", "/messages"):
        page = await client.get(path, params={"error": SCRIPT, "reason": SCRIPT, "name": SCRIPT})
        assert 1 == page.text.count("<script")
    page = await client.get("/find", params={"id": SCRIPT})
    assert 1 == page.text.count("<script")


@both_databases
async def test_secrets_in_urls_are_not_shown(client: httpx.AsyncClient, shop: Shop) -> None:
    """Neither in errors nor in payloads, headers or origins; only the editor shows them."""
    url = "amqp://shop:hunter2@mq/?password=hunter2&access_token=hunter2#x"
    (id,) = await shop.park(url, error=f"no answer of {url}")
    (position,) = await shop.bury(
        BookBorrowed(id=url), headers={"from": url}, origin=url, error=url, traceback=url
    )
    for path in ("/", "/messages", f"/messages/{id}", "/letters", f"/letters/{position}"):
        page = await client.get(path)
        assert 200 == page.status_code
        assert "hunter2" not in page.text
    assert "hunter2" in (await client.get(f"/messages/{id}/edit")).text


@pytest.mark.parametrize("path", [*PATHS[:2], "/static/page.css", "/nothing", "/letters?before=x"])
async def test_every_response_has_the_headers(client: httpx.AsyncClient, path: str) -> None:
    """No script or style of a page itself, no frame, no cache, no guessing of types."""
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert ("nosniff", "no-store") == (headers["x-content-type-options"], headers["cache-control"])
    assert "same-origin" == headers["referrer-policy"]


async def test_what_is_done_is_logged_with_the_user(
    client: httpx.AsyncClient, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Who did what to how many, and no payload."""
    (id,) = await shop.park("hunter2")
    caplog.set_level("INFO", "messagebus.web")
    token = await token_of(client, shop)
    await client.post("/messages/replay", data={"form_token": token, "ids": str(id)})
    await client.post(
        "/letters/discard", data={"form_token": token, "positions": "1", "confirmed": "1"}
    )

    first, second = (each for each in caplog.records if each.name == "messagebus.web")
    assert ("ada", 1, "web.replay") == (first.user, first.count, first.event)  # type: ignore[attr-defined]
    assert "web.letters.discard" == second.event  # type: ignore[attr-defined]
    assert "hunter2" not in caplog.text.replace("id='hunter2'", "")

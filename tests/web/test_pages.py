"""The pages: what they show, and what their forms do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay, tables
from messagebus.testing.outbox import AsyncRecorder
from messagebus.web import create_app
from tests._async.adapters.sqlalchemy.shelves import new_bus
from tests.library import BookBorrowed, RegisterBook
from tests.running.aio import AsyncEngine
from tests.web.conftest import admit, both_databases, connect
from tests.web.forms import press
from tests.web.shop import Shop

pytestmark = both_databases


async def states(shop: Shop, *ids: UUID) -> list[str | None]:
    """Return the states of messages."""
    found = [await shop.outbox.get(id) for id in ids]
    return [each.state for each in found if each is not None]


async def test_the_overview_shows_what_waits_and_who_leads(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """Counts of pending and parked messages and of dead letters, the relay, and three plots."""
    empty = (await client.get("/")).text
    assert "none has led yet" in empty
    assert 3 == empty.count("<figure>")
    await shop.publish("1", "2")
    await shop.send()
    await shop.park("3")
    await shop.bury(BookBorrowed(id="4"), BookBorrowed(id="5"))
    await shop.publish("6", "7", "8", "9")

    page = (await client.get("/")).text
    for part in ("<strong>4</strong> pending", "<strong>1</strong> parked"):
        assert part in page
    assert "<strong>2</strong> dead letters" in page
    assert "the last led until" in page
    assert page.count('class="bar"') >= 3


async def test_the_plots_show_what_was_sent_before_a_long_backlog(
    client: httpx.AsyncClient, engine: AsyncEngine, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest messages may all be pending; those sent last are looked for behind them."""
    monkeypatch.setattr("messagebus.web.queries.SAMPLE", 3)
    await shop.publish("1", "2")
    await shop.send()
    await shop.publish("3", "4", "5", "6")
    async with engine.begin() as connection:
        ago = datetime.now(UTC) - timedelta(minutes=5)
        await connection.execute(sa.update(tables.messages).values(created_at=ago))

    _, sent, wait = (await client.get("/")).text.split("<figure>")[1:]
    assert 'class="bar"' in sent
    assert 'class="bar"' in wait


@pytest.mark.parametrize("state", ["parked", "pending", "sent", "discarded", "private"])
async def test_messages_are_listed_by_their_state(
    client: httpx.AsyncClient, shop: Shop, state: str
) -> None:
    """Each state has a list, which has no message of another one."""
    (sent,) = await shop.publish("1")
    await shop.send()
    parked, discarded = await shop.park("2", "3")
    await shop.outbox.discard([discarded])
    (pending,) = await shop.publish("4")
    async with shop.unit_of_work() as transaction:
        command = RegisterBook(id="5")
        await new_bus().handle(command, transaction)
        await transaction.commit()
    ids = {"parked": parked, "pending": pending, "sent": sent, "discarded": discarded}
    ids["private"] = command.message_id

    page = (await client.get("/messages", params={"state": state})).text
    assert [state] == [each for each, id in ids.items() if str(id) in page]


async def test_a_list_has_pages_with_the_newest_first(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """Links lead to older messages, and back to the newest."""
    ids = [str(id) for id in await shop.publish(*map(str, range(60)))]

    def shown(page: httpx.Response) -> list[str]:
        return sorted((id for id in ids if id in page.text), key=page.text.index)

    first = await client.get("/messages?state=pending")
    assert ids[:9:-1] == shown(first)
    (link,) = [each for each in first.text.split('"') if "before=" in each]
    second = await client.get(link.replace("&amp;", "&"))
    assert ids[9::-1] == shown(second)
    assert "Newest" in second.text
    assert "Older" not in second.text


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"name": "book_borrowed"}, True),
        ({"name": "book_borrowed_v2"}, True),
        ({"name": "book_borrowed_v1"}, False),
        ({"name": "book%"}, False),
        ({"reason": "too large"}, True),
        ({"reason": "t__ large"}, False),
        ({"reason": "%"}, False),
        ({"kind": "event"}, True),
        ({"kind": "command"}, False),
        ({"since": "2020-01-01T00:00", "until": "2999-12-31T23:59"}, True),
        ({"since": "2999-12-31"}, False),
        ({"correlation_id": "01a20526-ad91-743e-b996-93d3b24d6bec"}, False),
        ({"name": "", "reason": " ", "since": ""}, True),
    ],
    ids=str,
)
async def test_messages_are_searched(
    client: httpx.AsyncClient, shop: Shop, fields: dict[str, str], found: bool
) -> None:
    """By name, error, kind, cascade and time; what has a meaning to LIKE has none here."""
    (id,) = await shop.park("1")
    page = await client.get("/messages", params=fields)

    assert 200 == page.status_code
    assert found is (str(id) in page.text)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"consumer": "billing"}, True),
        ({"consumer": "nobody"}, False),
        ({"type": "book_borrowed"}, True),
        ({"type": "book%"}, False),
        ({"error_type": "NoStock"}, True),
        ({"error": "of 100%"}, True),
        ({"error": "n%o"}, False),
        ({"since": "2020-01-01T00:00"}, True),
        ({"until": "2020-01-01T00:00"}, False),
        ({"message_id": "01a20526-ad91-743e-b996-93d3b24d6bec"}, False),
    ],
    ids=str,
)
async def test_dead_letters_are_searched(
    client: httpx.AsyncClient, shop: Shop, fields: dict[str, str], found: bool
) -> None:
    """By consumer, type, error and time; what has a meaning to LIKE has none here."""
    event = BookBorrowed(id="1")
    await shop.bury(event)
    page = await client.get("/letters", params=fields)

    assert 200 == page.status_code
    assert found is (str(event.message_id) in page.text)


async def test_a_message_is_found_by_its_identifier(client: httpx.AsyncClient, shop: Shop) -> None:
    """The field at the top leads to the message, or to its dead letters, or says no."""
    (id,) = await shop.publish("1")
    received = BookBorrowed(id="2")
    await shop.bury(received)

    found = await client.get("/find", params={"id": f" {id} "}, follow_redirects=True)
    assert f"/messages/{id}" == found.url.path
    found = await client.get(f"/find?id={received.message_id}", follow_redirects=True)
    assert "/letters" == found.url.path
    assert str(received.message_id) in found.text
    assert 404 == (await client.get(f"/find?id={uuid4()}")).status_code


async def test_a_parked_message_is_edited_replayed_and_sent(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """What is sent is what was typed, without the white space; the page shows what it was."""
    (id,) = await shop.park("1")
    page = await client.get(f"/messages/{id}")
    assert "RuntimeError: too large" in page.text
    page = await client.get(f"/messages/{id}/edit")
    assert "{\n  &#34;id&#34;: &#34;1&#34;\n}" in page.text
    page = await press(client, page, "Save", payload='{\r\n  "id": "Dune  II"\r\n}')
    assert "The payload is changed" in page.text
    assert "Before it was edited" in page.text
    page = await press(client, page, "Replay", ids=str(id))
    assert "The relay will send it" in page.text

    (wire,) = await shop.send()
    assert (str(id), '{"id":"Dune  II"}') == (wire["id"], wire["payload"])
    assert '<span class="badge sent">sent</span>' in (await client.get(f"/messages/{id}")).text


async def test_a_payload_that_is_refused_stays_in_the_form(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The form says why, and shows what was typed."""
    (id,) = await shop.park("1")
    form = await client.get(f"/messages/{id}/edit")
    for payload in ('{"id": "</textarea><b>"', "[]", '{"id": "\0"}'):
        page = await press(client, form, "Save", payload=payload)
        assert 422 == page.status_code
        assert "The new payload of the message" in page.text
        assert "</textarea><b>" not in page.text
    message = await shop.outbox.get(id)
    assert message is not None
    assert '{"id":"1"}' == message.payload


async def test_only_what_is_parked_or_discarded_is_edited(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The form of a message that was replayed meanwhile changes nothing."""
    (id,) = await shop.park("1")
    form = await client.get(f"/messages/{id}/edit")
    await shop.outbox.replay([id])

    assert 409 == (await press(client, form, "Save", payload="{}")).status_code
    assert 409 == (await client.get(f"/messages/{id}/edit")).status_code
    assert "Edit" not in (await client.get(f"/messages/{id}")).text


async def test_chosen_messages_are_replayed(client: httpx.AsyncClient, shop: Shop) -> None:
    """The others stay as they are."""
    ids = await shop.park("1", "2", "3")
    page = await client.get("/messages")
    page = await press(client, page, "Replay chosen", *[("ids", str(id)) for id in ids[:2]])

    assert "replayed: 2 messages" in page.text
    assert ["pending", "pending", "parked"] == await states(shop, *ids)


async def test_a_button_without_a_choice_does_nothing(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The page says so."""
    ids = await shop.park("1")
    await shop.bury(BookBorrowed(id="1"))
    for path in ("/messages", "/letters"):
        page = await press(client, await client.get(path), "Replay chosen")
        assert (400, True) == (page.status_code, "is chosen" in page.text)
    assert ["parked"] == await states(shop, *ids)


async def test_messages_are_discarded_once_it_is_confirmed(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The page asks first, and what was discarded can be replayed."""
    ids = await shop.park("1", "2")
    page = await client.get("/messages")
    page = await press(client, page, "Discard chosen…", *[("ids", str(id)) for id in ids])
    assert "Discard 2 messages?" in page.text
    assert ["parked", "parked"] == await states(shop, *ids)
    page = await press(client, page, "Discard")
    assert "discarded: 2 messages" in page.text
    assert ["discarded", "discarded"] == await states(shop, *ids)

    page = await client.get(f"/messages/{ids[0]}")
    await press(client, page, "Replay", ids=str(ids[0]))
    assert ["pending", "discarded"] == await states(shop, *ids)


async def test_all_messages_that_a_search_finds_are_replayed(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The page asks with their number, and asks again if there are more meanwhile."""
    large = await shop.park("1", "2", error="too large")
    (other,) = await shop.park("3", error="no route")
    page = await client.get("/messages?reason=large")
    question = await press(client, page, "Replay all that were found…")
    assert "Replay 2 messages?" in question.text
    more = await shop.park("4", error="too large")
    page = await press(client, question, "Replay")
    assert "The number has changed" in page.text
    assert "Replay 3 messages?" in page.text
    page = await press(client, page, "Replay")
    assert "replayed: 3 messages" in page.text

    assert ["parked", *["pending"] * 3] == await states(shop, other, *large, *more)


async def test_what_was_sent_is_sent_again(client: httpx.AsyncClient, shop: Shop) -> None:
    """One message, or all that were found."""
    ids = await shop.publish("1", "2")
    await shop.send()
    page = await client.get(f"/messages/{ids[0]}")
    await press(client, page, "Resend")
    assert ["pending", "sent"] == await states(shop, *ids)
    await shop.send()
    page = await client.get("/messages?state=sent")
    page = await press(client, page, "Resend all…")
    assert "Receivers get them a second time" in page.text
    await press(client, page, "Resend")

    assert ["pending", "pending"] == await states(shop, *ids)
    assert 5 == len(await shop.send())


async def test_what_waits_for_its_next_attempt_is_replayed_or_discarded(
    client: httpx.AsyncClient, engine: AsyncEngine, shop: Shop
) -> None:
    """A pending message that has not failed offers nothing to do."""
    failed, untried = await shop.publish("1", "2")
    broken = AsyncRecorder()
    broken.poison = {str(failed): RuntimeError("no")}
    relay = AsyncOutboxRelay(engine, broken, batch_size=1)
    broken.before = lambda _: relay.stop()
    await relay.run()

    page = await client.get(f"/messages/{untried}")
    assert "<button" not in page.text
    page = await client.get("/messages?state=pending")
    assert 1 == page.text.count("checkbox")
    page = await client.get(f"/messages/{failed}")
    assert "1 attempt" in page.text
    await press(client, page, "Replay")
    message = await shop.outbox.get(failed)
    assert message is not None
    assert (0, "pending") == (message.attempts, message.state)


async def test_a_message_that_somebody_else_has_changed_is_left_alone(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The page says that there was nothing to do."""
    (id,) = await shop.park("1")
    page = await client.get(f"/messages/{id}")
    await shop.outbox.replay([id])
    await shop.send()

    page = await press(client, page, "Replay", ids=str(id))
    assert "Nothing was to be done" in page.text
    assert ["sent"] == await states(shop, id)


async def test_a_dead_letter_is_shown_with_all_that_is_known(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The error with its traceback, what is replayed, the bytes, headers and origin."""
    body = b'{"id":"\xff1"}'
    details: dict[str, Any] = {"headers": {"trace": "00-1"}, "traceback": "File shop.py"}
    (position,) = await shop.bury(BookBorrowed(id="1"), body=body, **details)

    page = (await client.get(f"/letters/{position}")).text
    for part in ("shop.NoStock", "no stock of 100%", "File shop.py", "Header trace", "00-1"):
        assert part in page
    assert "redis shop 1-0" in page
    assert "\\xff1" in page
    assert "5 attempts" in page


async def test_a_dead_letter_is_edited_and_handled(client: httpx.AsyncClient, shop: Shop) -> None:
    """It is handled once, and is a letter no longer."""
    (position,) = await shop.bury(BookBorrowed(id="refused"))
    page = await client.get(f"/letters/{position}/edit")
    page = await press(client, page, "Save", payload='{"id": "2"}')
    assert "The bytes as they came stay" in page.text
    page = await press(client, page, "Replay")

    assert "1 handled, 0 failed again" in page.text
    assert ["2"] == shop.heard
    assert [] == await shop.letters.list()


async def test_a_dead_letter_that_fails_again_stays(client: httpx.AsyncClient, shop: Shop) -> None:
    """Its new error is shown."""
    await shop.bury(BookBorrowed(id="refused"), BookBorrowed(id="2"))
    page = await client.get("/letters")
    page = await press(client, page, "Replay all…")
    assert "Replay 2 dead letters?" in page.text
    page = await press(client, page, "Replay")

    assert "1 handled, 1 failed again" in page.text
    assert "ValueError" in page.text


async def test_dead_letters_are_discarded_once_it_is_confirmed(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """Those that were chosen, or all that were found."""
    first, *_ = await shop.bury(BookBorrowed(id="1"), BookBorrowed(id="2"))
    await shop.bury(BookBorrowed(id="3"), consumer="shipping")
    page = await client.get("/letters")
    page = await press(client, page, "Discard chosen…", ("positions", str(first)))
    assert 3 == len(await shop.letters.list())
    page = await press(client, page, "Discard")
    assert "1 dead letter discarded" in page.text
    page = await client.get("/letters?consumer=shipping")
    page = await press(client, page, "Discard all that were found…")
    assert "Discard 1 dead letter?" in page.text
    page = await press(client, page, "Discard")

    assert ["billing"] == [letter.consumer for letter in await shop.letters.list()]


async def test_a_message_that_nobody_could_read_is_given_a_type_and_a_payload(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """The form shows its bytes; without a type, it says what is lacking."""
    (position,) = await shop.bury(BookBorrowed(id="1"), wire=None, body=b"id=1")
    page = await client.get(f"/letters/{position}/edit")
    assert "id=1" in page.text
    page = await press(client, page, "Save", payload='{"id":"7"}')
    assert 422 == page.status_code
    assert "could not be read" in page.text
    page = await press(client, page, "Save", payload='{"id":"7"}', type="book_borrowed_v2")
    await press(client, page, "Replay")

    assert ["7"] == shop.heard


async def test_without_an_application_dead_letters_are_not_replayed(
    engine: AsyncEngine, shop: Shop
) -> None:
    """The page says which command does it, and refuses a form that asks for it."""
    (position,) = await shop.bury(BookBorrowed(id="1"))
    async with connect(create_app(engine, authorize=admit)) as client:
        for path in ("/letters", f"/letters/{position}"):
            page = await client.get(path)
            assert "messagebus deadletters replay APP" in page.text
            assert ">Replay" not in page.text
        form = await client.get(f"/letters/{position}")
        token = form.text.split('name="form_token" value="')[1].split('"')[0]
        data = {"form_token": token, "positions": str(position)}
        answer = await client.post("/letters/replay", data=data)

    assert 409 == answer.status_code
    assert 1 == len(await shop.letters.list())


async def test_a_cascade_is_shown_as_a_tree(client: httpx.AsyncClient, shop: Shop) -> None:
    """What a message has caused is in a list below it, with its state and its dead letters."""
    async with shop.unit_of_work() as transaction:
        command = RegisterBook(id="1")
        await new_bus().handle(command, transaction)
        await transaction.commit()
    page = await client.get(f"/cascades/{command.message_id}")

    parts = ("register_book_v1", "<ul>", "book_registered_v1", "<ul>", "shelf_counted_v1", "</ul>")
    place = page.text.index("<ul>")
    for part in parts:
        place = page.text.index(part, place) + 1
    assert page.text.count("<ul>") == page.text.count("</ul>") == 3
    assert (
        f"/cascades/{command.message_id}"
        in (await client.get(f"/messages/{command.message_id}")).text
    )
    (event,) = await shop.outbox.list("pending")
    page = await client.get(f"/cascades/{event.message_id}")
    assert "register_book_v1" not in page.text.split("the whole cascade")[1]
    assert f"/cascades/{command.message_id}" in page.text
    assert 404 == (await client.get(f"/cascades/{uuid4()}")).status_code


async def test_a_database_that_is_away_is_told(
    client: httpx.AsyncClient, engine: AsyncEngine, shop: Shop
) -> None:
    """The answer is 503, without the text of the error, which may have more than it should."""
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"DROP TABLE {tables.lease.name}"))

    page = await client.get("/")
    assert 503 == page.status_code
    assert tables.lease.name not in page.text
    assert "Content-Security-Policy" in page.headers


async def test_an_error_of_the_application_is_told(engine: AsyncEngine, shop: Shop) -> None:
    """The answer is 500, with the class of the error alone, and the headers of every page."""
    (position,) = await shop.bury(BookBorrowed(id="1"))

    def fail() -> Any:
        raise LookupError("secret")

    app = create_app(engine, authorize=admit, bus=shop.bus, unit_of_work=fail)
    async with connect(app) as client:
        page = await client.get(f"/letters/{position}")
        page = await press(client, page, "Replay")

    assert 500 == page.status_code
    assert "secret" not in page.text
    assert "LookupError" in page.text
    assert "Content-Security-Policy" in page.headers

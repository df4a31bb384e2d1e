"""Values as a page shows them, and the tree of a cascade."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from messagebus.adapters.sqlalchemy import CausedMessage
from messagebus.web import display
from messagebus.web.cascade import branches_of
from messagebus.web.plots import plots_of
from messagebus.web.queries import Passage, Traffic

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@settings(max_examples=50)
@given(JSON)
def test_json_is_shown_on_several_lines_and_stored_on_one(value: Any) -> None:
    """Both forms have the same values, and the second undoes the first."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    assert json.dumps(value, indent=2, ensure_ascii=False) == display.pretty(text)
    assert text == display.compact(display.pretty(text))


@pytest.mark.parametrize(
    "text", ['{"a":1.10,"a":12345678901234567890.0}', '{"a":1E5,"b":"\\u00e9"}', "[1e400]"]
)
def test_numbers_and_keys_stay_as_they_were_written(text: str) -> None:
    """What a reader of JSON would round, merge or change comes back unchanged."""
    assert text == display.compact(display.pretty(text))


@pytest.mark.parametrize("text", ["", "x y", "{", '{"a": }', "[" * 100_000])
def test_what_is_no_json_is_shown_as_it_is(text: str) -> None:
    """An encrypted payload, for example."""
    assert text == display.pretty(text) == display.compact(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://shop:pw@mq/x", "amqp://…@mq/x"),
        ("amqp://shop:p@w/d@mq/x", "amqp://…@mq/x"),
        ('{"url": "redis://:pw@r:6379/0"}', '{"url": "redis://…@r:6379/0"}'),
        ("https://x/?a=1&password=pw&b=2", "https://x/?a=1&password=…&b=2"),
        ("https://x/?sslpassword=pw", "https://x/?sslpassword=…"),
        ("https://x/?api_key=pw", "https://x/?api_key=…"),
        ("https://x/?X-Amz-Signature=pw", "https://x/?X-Amz-Signature=…"),
        ("mail me@example.com", "mail me@example.com"),
        ("https://x/a and me@example.com", "https://x/a and me@example.com"),
    ],
)
def test_urls_are_shown_without_their_secrets(text: str, shown: str) -> None:
    """Neither user nor password, nor what a query calls a password, a token or a key."""
    assert shown == display.masked(text)


def test_a_long_text_is_shown_in_part() -> None:
    """The page says how much is left out, and formats none of it."""
    text = json.dumps([1] * 200_000)
    shown = display.masked(display.cut(display.pretty(text)))

    assert text.startswith(shown[:200_000])
    assert shown.endswith("… and 400,000 more characters")


def test_brackets_within_brackets_do_not_fill_the_memory() -> None:
    """Short lines that stand far to the right would be hundreds of times as long as the text."""
    text = "[" * 500 + "1," * 50_000 + "1" + "]" * 500
    assert text == display.pretty(text)


@pytest.mark.parametrize("part", ["://", "?", "?key", '"\\'])
def test_a_hostile_text_takes_no_longer_than_another(part: str) -> None:
    """It is read once, not once from each of its characters."""
    text = part * 200_000
    assert text == display.masked(text)
    assert text == display.compact(text)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite+aiosqlite:////srv/shop.db", "SQLite shop.db"),
        (
            "postgresql+psycopg://app:pw@db.internal/shop?password=pw",
            "PostgreSQL shop at db.internal",
        ),
    ],
)
def test_a_database_is_named_without_its_secrets(url: str, name: str) -> None:
    """Its kind, its name and its host."""
    assert name == display.name_of(make_url(url))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.01, "10 ms"), (2.34, "2.3 s"), (42, "42 s"), (90, "2 min"), (7_200, "2 h"), (9e5, "10 d")],
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    """The largest that fits."""
    assert text == display.duration(seconds)


def test_a_time_is_told_from_now() -> None:
    """Both ways."""
    now = datetime.now(UTC)

    assert "2 h ago" == display.ago(now - timedelta(hours=2))
    assert "in 2 h" == display.ago(now + timedelta(hours=2, seconds=9))


def message(position: int, depth: int) -> CausedMessage:
    """Return a message at a depth of the tree."""
    id = UUID(int=position)
    kind: Any = (NOW, "name", 1, "event", None, 0, None)
    return CausedMessage(depth, None, position, id, None, id, *kind)


def nested(*depths: int) -> list[Any]:
    """Return the positions of messages at some depths as lists in lists."""
    top: list[Any] = []
    open_lists = [top]
    for branch in branches_of([message(*pair) for pair in enumerate(depths)]):
        open_lists[-1].append(branch.message.position)
        if branch.opens:
            below: list[Any] = []
            open_lists[-1].append(below)
            open_lists.append(below)
        for _ in range(branch.closes):
            open_lists.pop()
    assert 1 == len(open_lists)
    return top


def test_a_tree_has_what_a_message_caused_in_a_list_below_it() -> None:
    """Every list that begins ends, however deep it is."""
    assert [0, [1, [2, [3], 4], 5], 6] == nested(0, 1, 2, 3, 2, 1, 0)
    assert [0, [1, [2]]] == nested(0, 1, 2)
    branches = branches_of([message(depth, depth) for depth in range(5_000)])
    assert (5_000, 4_999) == (len(branches), branches[-1].closes)


def test_plots_begin_where_the_sample_is_complete() -> None:
    """A tenth of a second of traffic is drawn as such, and an empty hour as an hour."""
    empty = plots_of(Traffic(NOW, None, [], []))
    assert {"1 h"} == {plot.span for plot in empty}
    assert {""} == {plot.peak for plot in empty}
    since = NOW - timedelta(minutes=5)
    passages = [Passage(since + timedelta(seconds=n), NOW) for n in range(300)]
    stored, sent, wait = plots_of(Traffic(NOW, since, passages, passages))

    assert {"5 min"} == {plot.span for plot in (stored, sent, wait)}
    assert (30, 1, 1) == (len(stored.bars), len(sent.bars), len(wait.bars))
    assert ("1 a second", "5 min") == (stored.peak, wait.peak)
    for plot in (stored, sent, wait):
        assert all(0 <= bar.y and bar.x + bar.width <= 300 for bar in plot.bars)

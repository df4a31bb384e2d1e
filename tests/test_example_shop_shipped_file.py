"""The shop of the examples on the file that is shipped with it."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any

import pytest

from examples.shop.lines import SHIPPED_FILE

from .shop import Output, contents, succeed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shipped() -> Output:
    """The output of a run on the shipped file."""
    return succeed()


@pytest.fixture(scope="module")
def accepted(shipped: Output) -> list[dict[str, Any]]:
    """The objects of the accepted lines."""
    lines = SHIPPED_FILE.read_text(encoding="utf-8").splitlines()
    return [
        json.loads(line)
        for number, line in enumerate(lines, start=1)
        if line and number not in shipped.rejections
    ]


def test_each_line_is_accepted_or_rejected(shipped: Output, accepted: list[dict[str, Any]]) -> None:
    """The file has at least two hundred lines; each accepted one is a command in the store."""
    lines = [line for line in SHIPPED_FILE.read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) >= 200
    assert (len(lines), len(shipped.rejections), 0) == shipped.counts
    assert len(lines) == len(accepted) + len(shipped.rejections)
    handled = shipped.messages()
    commands = Counter(each["command"] for each in accepted)
    assert commands == {name: handled[name] for name in commands}


@pytest.mark.parametrize(
    "reason",
    [
        "not JSON",
        "not an object whose",
        "Field required",
        "Input should be a valid integer",
        "Extra inputs are not permitted",
        "metadata: Input is not permitted",
        "in stock",
        "there is no product",
        "there is no order",
        "is cancelled already",
        "exists already",
    ],
)
def test_there_are_invalid_lines_of_every_kind(shipped: Output, reason: str) -> None:
    """A first run shows each kind of rejection."""
    assert any(reason in text for text in shipped.rejections.values())


def test_the_stock_adds_up(shipped: Output, accepted: list[dict[str, Any]]) -> None:
    """The stock follows from the accepted lines alone: no rejected line leaves a trace."""
    expected: Counter[str] = Counter()
    orders: dict[str, Counter[str]] = {}
    for line in accepted:
        match line["command"]:
            case "register_product":
                expected[line["sku"]] = line["stock"]
            case "restock":
                expected[line["sku"]] += line["quantity"]
            case "take_order":
                wanted: Counter[str] = Counter()
                for each in line["lines"]:
                    wanted[each["sku"]] += each["quantity"]
                orders[line["order_id"]] = wanted
                expected.subtract(wanted)
            case "cancel_order":
                expected.update(orders[line["order_id"]])
    assert dict(expected) == shipped.stock


def test_events_follow_from_the_accepted_commands(
    shipped: Output, accepted: list[dict[str, Any]]
) -> None:
    """Each accepted command leads to its event, and low stock to fewer requests."""
    commands = Counter(each["command"] for each in accepted)
    handled = shipped.messages()
    assert commands["register_product"] == handled["product_registered"]
    assert commands["take_order"] == handled["order_taken"]
    assert commands["cancel_order"] == handled["order_cancelled"]
    assert 0 < handled["restock_requested"] < handled["stock_low"]


def test_published_events_and_no_others_are_printed_once(shipped: Output) -> None:
    """The metadata of a message decide whether it is published; each is sent once."""
    handled = shipped.messages()
    names = ("order_cancelled", "order_taken", "product_registered", "restock_requested")
    expected = {name: handled[name] for name in names}
    assert expected == shipped.messages("published") == shipped.messages("sent")
    printed = Counter(each["type"].removesuffix("_v1") for each in shipped.published)
    assert expected == printed
    assert len(shipped.published) == len({each["id"] for each in shipped.published})


def test_two_runs_print_the_same(shipped: Output) -> None:
    """The output depends on the lines alone, except for ids and times."""
    again = succeed(env={**os.environ, "PYTHONHASHSEED": "7"})
    assert shipped.rejections == again.rejections
    assert shipped.tables == again.tables
    assert contents(shipped.published) == contents(again.published)

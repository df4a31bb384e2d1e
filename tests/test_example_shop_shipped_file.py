"""The shop of the examples on the file that comes with it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from typing import Any

import pytest

from examples.shop.entrypoint.source import SHIPPED_FILE

from .shop import contents, counts, printed, rejections, section, start, stock, told

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shipped() -> str:
    """The output of the command on the file that comes with it."""
    finished = start()
    assert (0, b"") == (finished.returncode, finished.stderr)
    return finished.stdout.decode()


@pytest.fixture(scope="module")
def accepted(shipped: str) -> list[dict[str, Any]]:
    """The objects of the lines of that file that were not rejected."""
    rejected = {number for number, _, _ in rejections(shipped)}
    lines = SHIPPED_FILE.read_text(encoding="utf-8").splitlines()
    return [
        json.loads(line)
        for number, line in enumerate(lines, start=1)
        if line and number not in rejected
    ]


def test_the_shipped_file_has_two_hundred_lines_and_each_is_counted(
    shipped: str, accepted: list[dict[str, Any]]
) -> None:
    """Every line that is not blank is accepted or rejected, by its command."""
    lines = [line for line in SHIPPED_FILE.read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) >= 200
    rejected = rejections(shipped)
    assert len(lines) == len(accepted) + len(rejected)
    taken = Counter(each["command"] for each in accepted)
    refused = Counter(command or "(not a command)" for _, command, _ in rejected)
    expected = [[name, str(taken[name]), str(refused[name])] for name in sorted(taken)]
    expected.append(["(not", "a", "command)", "0", str(refused["(not a command)"])])
    expected.append(["total", str(len(accepted)), str(len(rejected))])
    assert expected == section(shipped, "Commands")


@pytest.mark.parametrize(
    "reason",
    [
        "not JSON",
        "not a JSON object",
        "unknown command",
        "command is missing",
        "is missing",
        "should be a whole number",
        "is not a field of this command",
        "quantity beyond stock",
        "unknown product",
        "unknown order",
        "is cancelled already",
        "is registered already",
        "exists already",
    ],
)
def test_the_shipped_file_has_bad_lines_of_every_kind(shipped: str, reason: str) -> None:
    """Someone who runs the shop for the first time sees each kind of rejection."""
    assert any(reason in text for _, _, text in rejections(shipped))


def test_the_stock_is_what_the_accepted_lines_add_up_to(
    shipped: str, accepted: list[dict[str, Any]]
) -> None:
    """No rejected line leaves a trace: the stock follows from the accepted lines alone."""
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
    assert dict(expected) == stock(shipped)


def test_events_follow_from_the_accepted_commands(
    shipped: str, accepted: list[dict[str, Any]]
) -> None:
    """Each accepted command leads to its event, each order line to a reservation."""
    commands = Counter(each["command"] for each in accepted)
    orders = {each["order_id"]: each for each in accepted if each["command"] == "take_order"}
    cancelled = [each["order_id"] for each in accepted if each["command"] == "cancel_order"]
    events = counts(shipped, "Events")
    low, requested = events.pop("stock_low"), events.pop("restock_requested")
    assert {
        "order_cancelled": commands["cancel_order"],
        "order_taken": commands["take_order"],
        "product_registered": commands["register_product"],
        "product_restocked": commands["restock"],
        "stock_released": sum(len(orders[each]["lines"]) for each in cancelled),
        "stock_reserved": sum(len(each["lines"]) for each in orders.values()),
    } == events
    assert 0 < requested < low


def test_the_stream_has_the_published_events_and_no_other(shipped: str) -> None:
    """What leaves the shop is what its metadata says is published."""
    events = counts(shipped, "Events")
    published = ("order_cancelled", "order_taken", "product_registered", "restock_requested")
    assert {f"{name}_v1": events[name] for name in published} == counts(
        shipped, "Published messages"
    )


def test_what_is_published_is_printed(shipped: str) -> None:
    """Where no other stream is named, the messages are lines of the output, each once."""
    messages = printed(shipped)
    sent = Counter(each["type"] for each in messages)
    assert counts(shipped, "Published messages") == sent
    assert len(messages) == len({each["id"] for each in messages})


def test_two_runs_write_the_same(shipped: str) -> None:
    """The output depends on the lines alone, but for identifiers and times."""
    again = start(env={**os.environ, "PYTHONHASHSEED": "7"}).stdout.decode()
    folder = re.compile("sqlite:///.*/")
    assert folder.sub("", told(shipped)) == folder.sub("", told(again))
    assert contents(printed(shipped)) == contents(printed(again))

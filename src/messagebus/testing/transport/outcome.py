"""Comparisons of actual with expected outcomes; a difference is an AssertionError."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from unittest import TestCase

Serialized = Mapping[str, Any]

_MOST_SHOWN = 10

expecting = TestCase().assertRaises
"""Expect the block to raise an error of a kind; it becomes the *exception* of the context."""


def expect(expected: object, actual: object, what: str) -> None:
    """Expect two objects to be equal.

    Raises:
        AssertionError: they are not.
    """
    if expected != actual:
        text = f"{what}: expected {expected!r}, got {actual!r}"
        raise AssertionError(text)


def expect_arrived(
    sent: Sequence[Serialized],
    received: Sequence[Serialized],
    *,
    once: bool = True,
    ordered: bool = True,
) -> None:
    """Expect the sent messages to have arrived, in order unless told otherwise, and no others.

    Args:
        sent: the sent messages in order; each has an *id* of its own.
        received: the messages at the destination in order.
        once: whether each must be there only once; otherwise the first of each counts.
        ordered: whether they must be there in order.

    Raises:
        AssertionError: they have not; the text says which are lost, doubled or out of order.
    """
    places = {each["id"]: place for place, each in enumerate(sent)}
    counts = Counter(each["id"] for each in received)  # in the order of their first arrival
    known = [id for id in counts if id in places]
    wrong = {
        "lost": [id for id in places if id not in counts],
        "doubled": [id for id in counts if once and counts[id] > 1],
        "out of order": [
            id for before, id in pairwise(known) if ordered and places[id] < places[before]
        ],
        "never sent": [id for id in counts if id not in places],
    }
    problems = [
        f"{len(ids)} of {len(sent)} messages {what}: {', '.join(ids[:_MOST_SHOWN])}"
        for what, ids in wrong.items()
        if ids
    ]
    if problems:
        raise AssertionError("; ".join(problems))
    by_id = {each["id"]: each for each in received}
    for each in sent:
        expect(dict(each), dict(by_id[each["id"]]), "a message")

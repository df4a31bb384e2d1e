"""Comparisons of actual with expected outcomes; a difference is an AssertionError."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    sent: Sequence[Serialized], received: Sequence[Serialized], *, once: bool = True
) -> None:
    """Expect the sent messages to have arrived in order, and no others.

    Args:
        sent: the sent messages in order; each has an *id* of its own.
        received: the messages at the destination in order.
        once: whether each must be there only once; otherwise the first of each counts.

    Raises:
        AssertionError: they have not; the text says which are lost, doubled or out of order.
    """
    problems = list(
        _problems([each["id"] for each in sent], [each["id"] for each in received], once)
    )
    if problems:
        raise AssertionError("; ".join(problems))
    by_id = {each["id"]: each for each in received}
    for each in sent:
        expect(dict(each), dict(by_id[each["id"]]), "a message")


def _problems(sent: Sequence[str], received: Sequence[str], once: bool) -> Iterator[str]:
    places = {id: place for place, id in enumerate(sent)}
    counts = Counter(received)
    strange = [id for id in counts if id not in places]
    doubled = [id for id, count in counts.items() if count > 1] if once else []
    firsts = [id for id in counts if id in places]  # in the order of their first arrival
    misplaced = [later for id, later in pairwise(firsts) if places[later] < places[id]]
    for what, ids in (
        ("lost", [id for id in sent if id not in counts]),
        ("doubled", doubled),
        ("out of order", misplaced),
        ("never sent", strange),
    ):
        if ids:
            shown = ", ".join(ids[:_MOST_SHOWN])
            yield f"{len(ids)} of {len(sent)} messages {what}: {shown}"

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("confluent_kafka", reason="Kafka: its client has no wheel for this Python")

from messagebus.adapters.kafka import arrival
from messagebus.adapters.kafka.arrival import Arrival, Place
from messagebus.adapters.kafka.encoding import AS_JSON, decode, encode
from messagebus.adapters.kafka.progress import Progress
from messagebus.adapters.kafka.records import Records
from messagebus.inbox import Delivery


def arrivals(offsets: Sequence[int], partition: int = 0) -> list[Arrival]:
    """Return records as they arrive."""
    nothing: Any = None
    return [Arrival(Place(partition, offset), nothing) for offset in offsets]


def read(arrival: Arrival) -> Delivery:
    """Return the delivery of a record."""
    place = arrival.place
    return Delivery(wire=None, body=b"", partition=place.partition, receipt=place)


@pytest.mark.parametrize("content", ["text", 5, None, ["x"]])
def test_a_key_without_a_name_comes_back_as_it_was_sent(content: object) -> None:
    """Whether its value is a string or JSON."""
    record = encode({"": content, "payload": "{}"}).content
    assert {"": content, "payload": "{}"} == decode(record.value, record.headers)


class Raw(NamedTuple):
    """A record with the methods of the client's."""

    content: bytes | None
    all: Sequence[tuple[str, bytes | None]]

    def value(self) -> bytes | None:
        """Return the value."""
        return self.content

    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Return the headers."""
        return self.all


NAMES = st.sampled_from(["id", "type", "payload", AS_JSON, ""])
CONTENTS = st.sampled_from([None, b"", b"x", b"\xff", b"id", b"5"])


@given(CONTENTS, st.lists(st.tuples(NAMES, CONTENTS), max_size=6))
def test_headers_are_kept_whatever_they_are(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    """Whether the record is a message or not."""
    record: Any = Raw(value, headers)
    delivery = arrival.read("books", Arrival(Place(0, 1), record))
    try:
        assert decode(value, headers) == delivery.wire
    except ValueError:
        assert delivery.wire is None
    given = {name: each for name, each in headers if each is not None}
    assert delivery.headers == {
        name: each.decode("utf-8", "backslashreplace") for name, each in given.items()
    }


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=20), st.lists(st.integers(0, 19), max_size=40)
)
def test_nothing_that_is_not_settled_is_ever_committed(gaps: list[int], order: list[int]) -> None:
    """Whatever the gaps between offsets, and whatever is settled in whatever order."""
    progress, offsets = Progress(), list(accumulate(gaps))
    for offset in offsets:
        progress.receive(offset)
    settled: set[int] = set()
    for number in order:
        offset = offsets[number % len(offsets)]
        progress.settle(offset)
        settled.add(offset)
        left = [each for each in offsets if each not in settled]
        expected = left[0] if left else offsets[-1] + 1
        assert expected == (progress.committed if progress.owed is None else progress.owed)
        assert bool(left) == progress.is_behind
        progress.committed = expected


def test_a_partition_that_has_lost_its_end_is_read_from_there() -> None:
    """What comes under an old offset is a new record, and the old one is not held."""
    records = Records(read)
    records.assign([0])
    records.add(arrivals([4, 5]))
    old = records.take(5)
    records.settle(old[:1])
    records.add(arrivals([4]))

    (new,) = records.take(5)
    assert [new] == records.held([*old, new])
    records.settle(old)
    assert {} == records.owed()
    records.settle([new])
    assert {0: 5} == records.owed()


def test_what_was_revoked_is_neither_handed_out_nor_committed() -> None:
    """Not even when the partition comes back, until it has arrived again."""
    records = Records(read)
    records.assign([0, 1])
    records.add([*arrivals([0, 1], 0), *arrivals([0, 1], 1)])
    old = records.take(1)
    records.settle(old)
    records.revoke([0])
    records.add(arrivals([2], 0))
    assert arrivals([0, 1], 1)[0].place == records.take(1)[0].receipt
    records.assign([0])
    records.settle(old)
    assert {} == records.owed()
    records.add(arrivals([0], 0))
    assert [(1, 1), (0, 0)] == [each.receipt for each in (*records.take(1), *records.take(1))]
    assert not records.held(old[:1])


def test_what_is_released_comes_before_what_is_new() -> None:
    """It is in order again, and so is what could not be taken."""
    records = Records(read)
    records.assign([0])
    records.add(arrivals([0, 1, 2]))
    first = records.take(2)
    records.add(arrivals([3]))
    records.release(first[::-1])

    assert [0, 1, 2, 3] == [records.take(1)[0].receipt.offset for _ in range(4)]
    assert [] == records.held(first)

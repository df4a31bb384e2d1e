"""The wire format, the shape of a message outside the process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messagebus import Event, MessageSerializer, Metadata
from messagebus.serialization import serializer
from messagebus.serialization.envelope import Envelope
from messagebus.serialization.wire import (
    iso_format,
    parse_id,
    parse_type,
    row_to_wire,
    to_wire,
    wire_type,
)
from messagebus.service import eventstream

EAST = timezone(timedelta(hours=5, minutes=30))


class Sold(Event):
    title: str
    metadata: Metadata = Metadata(name="sold", schema_version=3)


@given(name=st.text(), version=st.integers(0))
def test_a_type_has_the_name_and_the_version_that_it_is_made_of(name: str, version: int) -> None:
    """Whatever a name contains, even what looks like a version."""
    assert {"name": name, "version": str(version)} == parse_type(wire_type(name, version))


@pytest.mark.parametrize("text", ["", "sold", "sold_v", "sold_vx", "v1", "sold_v-1"])
def test_a_type_without_a_version_is_a_name(text: str) -> None:
    """A serializer of your own may use other types."""
    assert {"name": text} == parse_type(text)


DIGITS = st.text("0123456789abcdefABCDEF-{}_+ x", max_size=70)
IDS = st.uuids().map(str)


@given(st.one_of(DIGITS, IDS, IDS.map("{{{}}}".format), IDS.map("urn:uuid:{}".format), st.text()))
def test_an_identifier_is_read_as_python_reads_it(text: str) -> None:
    """The faster reading gives the same, and refuses the same."""
    if len(text) > 64:
        expected = None
    else:
        try:
            expected = UUID(text)
        except ValueError:
            expected = None
    try:
        found = parse_id(text)
    except ValueError:
        found = None
    assert found == expected


LONG = "s" * 400


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [("sold_v3", "sold", 3), ("sold_v03", "sold_v03", None), (f"{LONG}_v1", LONG, 1)],
)
def test_a_type_is_read_the_same_each_time(text: str, name: str, version: int | None) -> None:
    """Whether it is remembered, or too long for that."""
    wire = {"id": str(UUID(int=7)), "created_at": "2026-01-01T00:00:00Z", "type": text}
    for _ in range(2):
        envelope = Envelope.of(wire)
        assert (envelope.name, envelope.schema_version) == (name, version)


@given(st.datetimes(timezones=st.sampled_from([UTC, EAST, None])))
def test_times_are_written_as_python_writes_them(time: datetime) -> None:
    """The faster conversion for UTC gives the same string."""
    assert time.isoformat() == iso_format(time)


def test_the_default_serializer_writes_the_wire_format() -> None:
    """Its other keys are those that the relay builds from the row."""
    event = Sold(title="Emma")
    row = SimpleNamespace(
        message_id=event.message_id,
        created_at=event.created_at.astimezone(EAST),
        name="sold",
        schema_version=3,
        payload='{"title":"Emma"}',
        causation_id=None,
        correlation_id=UUID(int=7),
        ordering_key=None,
        traceparent=None,
    )
    cascade = {"causation_id": None, "correlation_id": str(UUID(int=7))}

    wire = MessageSerializer().serialize_message(event)

    assert wire == to_wire(event, row.payload)
    assert {**wire, **cascade} == row_to_wire(row)


def test_the_serializers_are_imported_from_the_eventstream() -> None:
    """The module of the API reference exports them."""
    assert eventstream.MessageSerializer is serializer.MessageSerializer
    assert eventstream.AbstractMessageSerializer is serializer.AbstractMessageSerializer

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
from messagebus.serialization.wire import (
    iso_format,
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

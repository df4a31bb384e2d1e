"""The ordering key of a message: what it must stay in order with."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from uuid import UUID

import pytest

from messagebus import ConfigurationError, Event, Message, MessageSerializer, Metadata
from messagebus.adapters.sqlalchemy import serialized
from messagebus.domain.model import ordering_key_of

ID = UUID(int=5)


class Colour(enum.Enum):
    RED = "red"


class Moved(Event):
    shelf: str | int | UUID | Colour | None
    row: int = 1
    metadata: Metadata = Metadata(name="moved", schema_version=1)
    ordering_key = "shelf"


class Placed(Moved):
    ordering_key = "place"

    @property
    def place(self) -> str:
        return f"{self.shelf}/{self.row}"


class Lost(Event):
    shelf: str
    metadata: Metadata = Metadata(name="lost", schema_version=1)


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (Moved(shelf="a"), "a"),
        (Moved(shelf=7), "7"),
        (Moved(shelf=ID), str(ID)),
        (Moved(shelf=Colour.RED), "red"),
        (Moved(shelf=""), ""),
        (Moved(shelf=None), None),
        (Placed(shelf="a"), "a/1"),
        (Lost(shelf="a"), None),
    ],
)
def test_the_key_is_the_value_of_the_field_or_property_that_the_class_names(
    message: Message[Metadata], key: str | None
) -> None:
    """It is a text, as in JSON; a message without a value has no key."""
    assert key == ordering_key_of(message)


def test_the_key_travels_with_the_message_but_not_in_its_payload() -> None:
    """A message without one has no such entry, so its format is as before."""
    wire = MessageSerializer().serialize_message(Moved(shelf="a"))
    assert ("a", '{"shelf":"a","row":1}') == (wire["ordering_key"], wire["payload"])
    assert "ordering_key" not in MessageSerializer().serialize_message(Lost(shelf="a"))


def test_the_key_is_no_part_of_the_content() -> None:
    """It is declared by the class: neither the schema nor equality knows it."""
    assert "ordering_key" not in Moved.model_json_schema()["properties"]
    assert Moved(shelf="a") == Moved(shelf="a")


def test_a_name_that_the_class_does_not_have_is_refused() -> None:
    """Otherwise the first message would fail."""
    with pytest.raises(ConfigurationError, match="has no field or property 'shelff'") as caught:

        class Mistaken(Moved):
            ordering_key = "shelff"

    assert caught.value.message_type is not None


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_field_with_that_name_is_refused() -> None:
    """It would look like the key and not be it."""
    with pytest.raises(ConfigurationError, match="declares ordering_key as a field"):

        class Mistaken(Event):
            ordering_key: str  # type: ignore[misc]
            metadata: Metadata = Metadata(name="mistaken", schema_version=1)


def test_a_stored_message_without_a_key_is_sent_without_it() -> None:
    """Rows of earlier versions have none."""

    class Row:
        message_id = correlation_id = ID
        causation_id = None
        created_at = datetime(2026, 1, 1, tzinfo=UTC)
        name, schema_version, payload = "moved", 1, "{}"
        ordering_key: str | None = None
        traceparent = None

    assert "ordering_key" not in serialized(Row)
    Row.ordering_key = "a"
    assert "a" == serialized(Row)["ordering_key"]

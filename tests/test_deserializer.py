"""Deserializing: a wire message becomes the message that was sent, or a named error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import core_schema

from messagebus import (
    AbstractMessageDeserializer,
    ConfigurationError,
    Event,
    GenericCommand,
    Message,
    MessageDeserializer,
    MessageSerializer,
    Metadata,
    UnknownMessageTypeError,
    UnreadableMessageError,
)
from messagebus.serialization.envelope import Envelope

T = TypeVar("T")
ID = UUID("01936f3e-0000-7000-8000-000000000000")
TIMES = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone.min])
)


class Tenancy(Metadata):
    tenant: str = "main"


class Place(BaseModel):
    shelf: str
    row: int | None = None


class Lent(Event):
    isbn: str
    copies: int = 1
    price: Decimal = Decimal(1)
    weight: float = 1.0
    due: datetime | None = None
    places: list[Place] = Field(default_factory=list)
    notes: dict[str, str] = Field(default_factory=dict)
    ordering_key = "isbn"
    metadata: Metadata = Metadata(name="lent", schema_version=3, published=True)


class Parcel(GenericCommand[Tenancy]):
    content: Lent | None = None
    label: str = Field(default="", alias="the-label")
    metadata: Tenancy = Tenancy(name="parcel_v1", schema_version=0)


class Aliased(Event):
    message_id: UUID = Field(default=ID, alias="id")
    metadata: Metadata = Field(default=Metadata(name="aliased", schema_version=1), alias="meta")


class Frozen(Event):
    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    isbn: str = "1"
    metadata: Metadata = Metadata(name="frozen", schema_version=1)


class Fussy(Event):
    isbn: str = "1"
    metadata: Metadata = Metadata(name="fussy", schema_version=1)

    @field_validator("isbn")
    @classmethod
    def _look_up(cls, isbn: str) -> str:
        return {"1": "one"}[isbn]


class Nameless(Event):
    isbn: str = "1"


class Book(BaseModel):
    title: str


class Novel(BaseModel):
    title: str
    pages: int


class Created(Event, Generic[T]):
    thing: T
    metadata: Metadata = Metadata(name="created", schema_version=1)


TYPES: list[type[Message[Any]]] = [Lent, Parcel, Aliased, Frozen, Fussy]
reader = MessageDeserializer(TYPES)
send = MessageSerializer().serialize_message

LENT = st.builds(
    Lent,
    message_id=st.uuids(),
    created_at=TIMES,
    isbn=st.text(),
    copies=st.integers(),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    weight=st.floats(allow_nan=False, allow_infinity=False),
    due=st.none() | st.datetimes(timezones=st.just(UTC)),
    places=st.lists(st.builds(Place, shelf=st.text(), row=st.none() | st.integers()), max_size=3),
    notes=st.dictionaries(st.text(), st.text(), max_size=3),
)
MESSAGES = LENT | st.builds(
    lambda content, label, id, time: Parcel(
        content=content, message_id=id, created_at=time, **{"the-label": label}
    ),
    st.none() | LENT,
    st.text(),
    st.uuids(),
    TIMES,
)


def wire_of(message: Message[Any], **changes: Any) -> dict[str, Any]:
    """Return the wire message of a message, with some keys changed."""
    return {**send(message), **changes}


@given(
    MESSAGES,
    st.none() | st.uuids(),
    st.none() | st.uuids(),
)
def test_a_message_comes_back_as_it_was_sent(
    message: Message[Any], causation_id: UUID | None, correlation_id: UUID | None
) -> None:
    """Equal, with its identifier, time and metadata; the envelope tells its cascade and key."""
    cascade = {"causation_id": causation_id, "correlation_id": correlation_id}
    wire = wire_of(message, **{key: id and str(id) for key, id in cascade.items()})

    read, envelope = reader.deserialize_message(wire), Envelope.of(wire)

    assert (type(message), message) == (type(read), read)
    assert (message.message_id, message.created_at) == (read.message_id, read.created_at)
    assert message.created_at.utcoffset() == read.created_at.utcoffset()
    assert message.metadata == read.metadata
    assert send(message) == send(read)
    assert (read.message_id, read.created_at) == (envelope.message_id, envelope.created_at)
    assert (causation_id, correlation_id) == (envelope.causation_id, envelope.correlation_id)
    assert (message.metadata.name, message.metadata.schema_version) == (
        envelope.name,
        envelope.schema_version,
    )
    assert getattr(message, "isbn", None) == envelope.ordering_key


@given(LENT)
def test_messages_inside_of_a_message_keep_their_envelopes(content: Lent) -> None:
    """Their identifier and time are in the payload of the one around them."""
    read = reader.deserialize_message(wire_of(Parcel(content=content)))

    assert isinstance(read, Parcel)
    assert read.content is not None
    assert content.message_id == read.content.message_id
    assert content.created_at == read.content.created_at


@pytest.mark.parametrize("cls", [Lent, Aliased, Frozen])
def test_the_envelope_never_comes_from_the_payload(cls: type[Message[Any]]) -> None:
    """Neither by the name of a field nor by its alias, whether it is refused or passed over."""
    message = cls.model_validate({"isbn": "1"} if cls is Lent else {})
    stranger = {
        "message_id": str(UUID(int=1)),
        "id": str(UUID(int=1)),
        "created_at": "2001-01-01T00:00:00Z",
        "metadata": {"name": "lent", "schema_version": 9, "published": False, "tenant": "x"},
        "meta": {"name": "lent", "schema_version": 9, "published": True},
    }
    payload = json.loads(send(message)["payload"])
    for said in (stranger, {"meta": stranger["meta"]}, {"id": stranger["id"]}):
        wire = wire_of(message, payload=json.dumps({**said, **payload}))

        read = reader.deserialize_message(wire)

        assert (message.message_id, message.created_at) == (read.message_id, read.created_at)
        assert message.metadata == read.metadata


def test_messages_that_are_read_share_the_metadata_of_their_class() -> None:
    """Metadata cannot change, so no message gets a copy of its own."""
    message = MessageDeserializer([Lent]).deserialize_message(wire_of(Lent(isbn="1")))

    assert message.metadata is Lent.model_fields["metadata"].default


class Renewed(Event):
    """Notes what its validators are given."""

    isbn: str
    metadata: Metadata = Metadata(name="renewed", schema_version=1)
    seen: ClassVar[list[Any]] = []


class RenewedBefore(Renewed):
    @model_validator(mode="before")
    @classmethod
    def look(cls, data: Any) -> Any:
        cls.seen.append(data.get("message_id"))
        return data


class RenewedAround(Renewed):
    @model_validator(mode="wrap")
    @classmethod
    def look(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        cls.seen.append(data.get("message_id"))
        return handler(data)


class RenewedBySchema(Renewed):
    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def look(data: Any) -> Any:
            cls.seen.append(data.get("message_id"))
            return data

        inner = super().__get_pydantic_core_schema__(source, handler)
        return core_schema.no_info_before_validator_function(look, inner)


@pytest.mark.parametrize("cls", [RenewedBefore, RenewedAround, RenewedBySchema])
def test_a_validator_of_the_whole_message_sees_the_envelope(cls: type[Renewed]) -> None:
    """It sees what the wire says, as if the payload had it."""
    cls.seen.clear()
    message = cls(isbn="1")

    MessageDeserializer([cls]).deserialize_message(wire_of(message))

    assert str(cls.seen[-1]) == str(message.message_id)


class Redirected(Event):
    origin: UUID | None = Field(default=None, validation_alias=AliasChoices("origin", "message_id"))
    source: str = Field(default="none", validation_alias=AliasPath("metadata", "name"))
    metadata: Metadata = Metadata(name="redirected", schema_version=1)


def test_a_field_may_take_its_value_from_the_envelope() -> None:
    """Its alias is looked for where the envelope is, too."""
    message = Redirected()

    read = MessageDeserializer([Redirected]).deserialize_message(wire_of(message, payload="{}"))

    assert isinstance(read, Redirected)
    assert (read.origin, read.source) == (message.message_id, "redirected")


def test_the_error_of_a_payload_shows_the_envelope() -> None:
    """What pydantic says of a message that cannot be read names that message."""
    wire = wire_of(Lent(isbn="1"), payload="{}")

    with pytest.raises(UnreadableMessageError) as caught:
        MessageDeserializer([Lent]).deserialize_message(wire)

    assert isinstance(caught.value.__cause__, ValidationError)
    assert caught.value.__cause__.errors()[0]["input"]["message_id"] == wire["id"]


def test_a_class_without_metadata_gets_the_name_and_version_of_the_wire() -> None:
    """A mapping says which messages it reads."""
    types = {("named", 4): Nameless}
    message = Nameless(metadata=Metadata(name="named", schema_version=4))
    wire = wire_of(message, payload='{"isbn":"2","metadata":{"name":"x","schema_version":1}}')

    assert message.metadata == MessageDeserializer(types).deserialize_message(wire).metadata


@pytest.mark.parametrize(
    "message",
    [Created[Book](thing=Book(title="Emma")), Created[Novel](thing=Novel(title="Emma", pages=474))],
)
def test_of_the_parametrisations_of_a_generic_class_the_best_fit_is_read(
    message: Message[Any],
) -> None:
    """Whatever the order in which they are given."""
    types: list[type[Message[Any]]] = [Created[Book], Created[Novel]]
    for known in (types, types[::-1]):
        read = MessageDeserializer(known).deserialize_message(send(message))

        assert (type(message), message) == (type(read), read)
        assert message.message_id == read.message_id


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("lent_v2", "lent", 2),
        ("lent", "lent", None),
        ("", "", None),
        ("lent_v03", "lent_v03", None),
        ("lent_v\N{ARABIC-INDIC DIGIT THREE}", "lent_v\N{ARABIC-INDIC DIGIT THREE}", None),
        ("lent_v-3", "lent_v-3", None),
        ("lent_v" + "9" * 5000, "lent_v" + "9" * 5000, None),
        ("x" * 5000 + "_v1", "x" * 5000, 1),
    ],
)
def test_an_unknown_type_is_named(text: str, name: str, version: int | None) -> None:
    """Also one without a version, and one whose version is no number of ours."""
    with pytest.raises(UnknownMessageTypeError) as caught:
        reader.deserialize_message(wire_of(Lent(isbn="1", message_id=ID), type=text))

    error = caught.value
    assert (name, version, ID) == (error.name, error.schema_version, error.message_id)
    assert str(ID) in str(error)
    assert 400 > len(str(error))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "it has no 'id'"),
        ({"id": 7}, "its 'id' is of type int"),
        ({"id": "x" * 900}, "its 'id' is no UUID: 'xxx"),
        ({"id": "-" * 900 + "0" * 32}, "its 'id' is no UUID: '---"),
        ({"type": None}, "it has no 'type'"),
        ({"type": b"lent_v3"}, "its 'type' is of type bytes"),
        ({"created_at": None}, "it has no 'created_at'"),
        ({"created_at": 1.5}, "its 'created_at' is of type float"),
        ({"created_at": "soon"}, "its 'created_at' is no time in ISO 8601: 'soon'"),
        ({"created_at": "2020-01-01"}, "its 'created_at' has no time zone: '2020-01-01'"),
        ({"causation_id": "x"}, "its 'causation_id' is no UUID: 'x'"),
        ({"correlation_id": 1}, "its 'correlation_id' is of type int"),
        ({"ordering_key": ["1"]}, "its 'ordering_key' is of type list"),
        ({"payload": None}, "it has no payload"),
        ({"payload": {"isbn": "1"}}, "it has a payload of type dict"),
        ({"payload": "[]"}, "its payload does not fit"),
        ({"payload": ""}, "its payload does not fit"),
        ({"payload": "{}"}, "its payload does not fit"),
        ({"payload": '{"isbn":1}'}, "its payload does not fit"),
        ({"payload": '{"isbn":"1"}}'}, "its payload does not fit"),
        ({"payload": '{"isbn":"1",}'}, "its payload does not fit"),
        ({"payload": '{"isbn":"\ud800"}'}, "its payload does not fit"),
        ({"payload": '{"isbn":"1","copies":' + "9" * 5000 + "}"}, "its payload does not fit"),
        ({"payload": '{"isbn":' + "[" * 100_000 + "}"}, "its payload does not fit"),
        ({"type": "fussy_v1", "payload": '{"isbn":"2"}'}, "its payload does not fit"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_keeps_it(
    changes: Mapping[str, Any], reason: str
) -> None:
    """The error says what is wrong, and has the original, the identifier and the cause."""
    wire = wire_of(Lent(isbn="1", message_id=ID), **changes)

    with pytest.raises(UnreadableMessageError) as caught:
        reader.deserialize_message(wire)

    error = caught.value
    assert reason in error.reason
    assert wire is error.wire
    assert (None if "id" in changes else ID) == error.message_id
    assert 400 > len(str(error))
    if "does not fit" in reason:
        assert error.__cause__ is not None
        assert error.message_type in TYPES


@pytest.mark.parametrize("wire", [None, [], "{}", b"", 7])
def test_what_is_no_mapping_cannot_be_read(wire: Any) -> None:
    """A source that cannot decode a message may have nothing better to offer."""
    with pytest.raises(UnreadableMessageError, match=f"of type {type(wire).__name__}"):
        reader.deserialize_message(wire)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["isbn", "copies", "message_id", "metadata", "id", "meta"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
).map(json.dumps)
VALUES = {
    "id": st.uuids().map(str) | ANYTHING,
    "created_at": TIMES.map(datetime.isoformat) | ANYTHING,
    "type": st.sampled_from(["lent_v3", "parcel_v1_v0", "aliased_v1", "frozen_v1", "fussy_v1"])
    | ANYTHING,
    "payload": JSON | st.text() | ANYTHING,
}


@given(
    st.fixed_dictionaries(
        {},
        optional={**VALUES, "causation_id": ANYTHING, "ordering_key": ANYTHING, "other": ANYTHING},
    )
    | st.fixed_dictionaries({**VALUES, "id": st.uuids().map(str), "payload": JSON})
)
def test_whatever_comes_in_is_read_or_refused(wire: dict[Any, Any]) -> None:
    """No input raises anything but the two errors."""
    try:
        message = reader.deserialize_message(wire)
    except (UnknownMessageTypeError, UnreadableMessageError):
        return
    assert type(message) in TYPES
    assert UUID(wire["id"]) == message.message_id


def test_a_deserializer_of_the_application_builds_on_the_default_one() -> None:
    """It opens the payload, and leaves the rest to it."""

    class Sealed(MessageDeserializer):
        def deserialize_message(self, wire: Mapping[str, Any]) -> Message[Any]:
            return super().deserialize_message({**wire, "payload": wire["payload"][::-1]})

    message = Lent(isbn="1")
    wire = wire_of(message, payload=send(message)["payload"][::-1])

    assert message == Sealed([Lent]).deserialize_message(wire)
    with pytest.raises(UnreadableMessageError):
        reader.deserialize_message(wire)


def test_a_deserializer_has_no_colour() -> None:
    """It is called in both, so it must not return something to wait for."""
    with pytest.raises(ConfigurationError):

        class Waiting(AbstractMessageDeserializer):
            async def deserialize_message(  # type: ignore[override]
                self, wire: Mapping[str, Any]
            ) -> Message[Any]:
                raise NotImplementedError

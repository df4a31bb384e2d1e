"""Input never sets the envelope of a message; code does."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from messagebus import (
    Command,
    ConfigurationError,
    Event,
    GenericCommand,
    Message,
    Metadata,
    load_message,
)

T = TypeVar("T")

LEND = Metadata(name="lend", schema_version=1)
PLAIN: dict[str, Any] = {
    "message_id": "01936f3e-0000-7000-8000-000000000000",
    "created_at": "2020-01-01T00:00:00Z",
    "metadata": {"name": "sold_out", "schema_version": 1, "published": True},
}


class Lend(Command):
    """A command that declares its metadata anew."""

    isbn: str = "1"
    metadata: Metadata = LEND


class Return(Event):
    """A base class without metadata."""

    isbn: str = "1"


class Owned(Metadata):
    """Metadata of the application, which are strict."""

    model_config = ConfigDict(strict=True)

    since: datetime = datetime(2020, 1, 1, tzinfo=UTC)


class Own(GenericCommand[Owned]):
    """A command with such metadata."""

    metadata: Owned = Owned(name="own", schema_version=1)


class Either(Command):
    """A command with a union as metadata."""

    metadata: Metadata | Owned = LEND


class Camel(Lend):
    """A command whose fields have aliases."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Open(Lend):
    """A command that keeps unknown fields."""

    model_config = ConfigDict(extra="allow")


class OpenCamel(Lend):
    """A command whose fields have aliases, and that keeps unknown fields."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel)


class Strict(Lend):
    """A strict command."""

    model_config = ConfigDict(strict=True)


class Checked(Lend):
    """A command with validators of its own, and validated assignment."""

    model_config = ConfigDict(validate_assignment=True, validate_default=True)

    @field_validator("metadata", mode="before")
    @classmethod
    def _look_before(cls, value: Any) -> Any:
        return value

    @model_validator(mode="before")
    @classmethod
    def _look_at_all(cls, value: Any) -> Any:
        return value

    @model_validator(mode="after")
    def _look_after(self) -> Checked:
        return self


class Made(Command, Generic[T]):
    """A generic command."""

    entity: T | None = None
    metadata: Metadata = LEND


class Aliased(Lend):
    """A command whose envelope is declared anew, with aliases."""

    message_id: UUID = Field(default_factory=uuid4, alias="id")
    metadata: Metadata = Field(default=LEND, validation_alias=AliasChoices("meta", "about"))


class Parcel(Command):
    """A command that holds messages."""

    first: Lend | Own
    others: tuple[Lend, ...] = ()
    metadata: Metadata = Metadata(name="parcel", schema_version=1)


CLASSES: list[type[Message[Any]]] = [
    Lend,
    Return,
    Own,
    Either,
    Camel,
    Open,
    OpenCamel,
    Strict,
    Checked,
    Made[int],
]

WAYS: dict[str, Callable[[type[Message[Any]], dict[str, Any]], object]] = {
    "keywords": lambda cls, data: cls(**data),
    "a dictionary": lambda cls, data: cls.model_validate(data),
    "a dictionary that is validated leniently": (
        lambda cls, data: cls.model_validate(data, strict=False)
    ),
    "JSON": lambda cls, data: cls.model_validate_json(json.dumps(data)),
    "items of a list": lambda cls, data: TypeAdapter(list[cls]).validate_python([data]),  # type: ignore[valid-type]
    "a field of a model": lambda cls, data: create_model("M", f=(cls, ...)).model_validate_json(
        json.dumps({"f": data})
    ),
    "a member of a union": lambda cls, data: TypeAdapter[Any](cls | int).validate_python(data),  # type: ignore[arg-type]
    "attributes": lambda cls, data: cls.model_validate(
        type("Row", (), data)(), from_attributes=True
    ),
}


def _refusals(error: ValidationError) -> set[object]:
    return {each["loc"][-1] for each in error.errors() if each["type"] == "message_envelope"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("cls", CLASSES)
def test_input_never_sets_the_envelope(cls: type[Message[Any]], name: str, way: str) -> None:
    """Plain data for a field of the envelope are refused, however they come in."""
    alias = cls.model_fields[name].alias or name
    with pytest.raises(ValidationError) as caught:
        WAYS[way](cls, {alias: PLAIN[name]})

    assert {alias} <= _refusals(caught.value)
    assert f"{name} is set by code, never by input" in str(caught.value)


def test_strings_of_a_form_never_set_the_envelope() -> None:
    """Neither do the mappings of strings that pydantic validates for forms."""
    with pytest.raises(ValidationError, match="set by code"):
        Lend.model_validate_strings({"message_id": PLAIN["message_id"]})


@pytest.mark.parametrize("name", ["id", "meta", "about"])
def test_aliases_never_set_the_envelope(name: str) -> None:
    """The rule is that of the field, not that of a key."""
    with pytest.raises(ValidationError, match="set by code"):
        Aliased.model_validate({name: PLAIN["message_id" if name == "id" else "metadata"]})


@pytest.mark.parametrize("name", ["message_id", "created_at", "metadata"])
def test_extra_data_never_look_like_the_envelope(name: str) -> None:
    """Where the fields have aliases, unknown data cannot take their names."""
    with pytest.raises(ValidationError, match="set by code"):
        OpenCamel.model_validate({name: PLAIN[name]})
    assert {"other": 1} == OpenCamel.model_validate({"other": 1}).model_extra


def test_messages_inside_of_messages_have_their_envelope_from_code() -> None:
    """Also in a union and in a list."""
    for data in ({"first": PLAIN}, {"first": Lend(), "others": [PLAIN]}):
        with pytest.raises(ValidationError, match="set by code"):
            Parcel.model_validate(data)


def test_validated_assignment_never_sets_the_envelope_from_plain_data() -> None:
    """A class that validates assignments refuses them, too."""
    message = Checked()
    with pytest.raises(ValidationError, match="set by code"):
        message.metadata = PLAIN["metadata"]


@pytest.mark.parametrize("cls", CLASSES)
def test_code_sets_the_envelope(cls: type[Message[Any]]) -> None:
    """Objects of their types are taken as they are."""
    id, time = uuid4(), datetime.now(UTC)
    metadata = Owned(name="other", schema_version=2)
    names = {name: field.alias or name for name, field in cls.model_fields.items()}
    given: dict[str, Any] = {
        names["message_id"]: id,
        names["created_at"]: time,
        names["metadata"]: metadata,
    }

    for message in (cls(**given), cls.model_validate(given)):
        assert id is message.message_id
        assert time == message.created_at
        assert metadata is message.metadata


@pytest.mark.parametrize("mode", ["json", "python"])
def test_metadata_equal_to_those_of_the_class_are_accepted(mode: str) -> None:
    """A client that sends back what it was sent decides nothing."""
    for cls, own in ((Lend, LEND), (Own, Own().metadata), (Camel, LEND)):
        data = {"metadata": own.model_dump(mode=mode)}

        assert own is cls.model_validate(data).metadata
    assert LEND is Lend.model_validate_json('{"metadata":' + LEND.model_dump_json() + "}").metadata


def test_metadata_of_another_class_are_refused_by_their_type() -> None:
    """The annotation of the class still counts."""
    with pytest.raises(ValidationError, match="instance of Owned"):
        Own(metadata=LEND)  # type: ignore[arg-type]


@pytest.mark.parametrize("build", [Lend, Return, Made[int]])
def test_a_time_without_a_time_zone_is_refused(build: Callable[..., Message[Any]]) -> None:
    """It is refused when the message is made, not when it is stored."""
    with pytest.raises(ValidationError, match="timezone"):
        build(created_at=datetime(2020, 1, 1), metadata=LEND)
    with pytest.raises(ValidationError, match="timezone"):
        load_message(Lend, {**PLAIN, "created_at": "2020-01-01T00:00:00"})


@pytest.mark.parametrize("cls", [*CLASSES, Aliased])
def test_the_schema_of_input_does_not_show_the_envelope(cls: type[Message[Any]]) -> None:
    """That of output does."""
    names = {cls.model_fields[name].serialization_alias or name for name in PLAIN}
    given, made = cls.model_json_schema(), cls.model_json_schema(mode="serialization")

    assert names.isdisjoint(given["properties"])
    assert names.isdisjoint(given.get("required", ()))
    assert "Metadata" not in given.get("$defs", {})
    assert names <= made["properties"].keys()


def test_the_schema_of_a_model_with_messages_does_not_show_their_envelopes() -> None:
    """Nor does that of an adapter."""
    given = TypeAdapter(list[Parcel]).json_schema()

    assert {"Lend", "Own", "Parcel"} == given["$defs"].keys()
    assert all(PLAIN.keys().isdisjoint(each["properties"]) for each in given["$defs"].values())


def test_the_signature_does_not_show_the_envelope() -> None:
    """Frameworks that fill parameters from a request do not find it, unless it is required."""
    assert ["isbn"] == list(inspect.signature(Lend).parameters)
    assert ["isbn"] == list(inspect.signature(Aliased).parameters)
    assert ["isbn"] == list(inspect.signature(Camel).parameters)
    assert ["metadata", "isbn"] == list(inspect.signature(Return).parameters)


class Later(Command):
    """A command that needs a class which is defined below."""

    what: What
    metadata: Metadata = LEND


class What(BaseModel):
    """A class that is defined late."""

    name: str


def test_a_class_that_is_completed_later_has_the_same_rules() -> None:
    """Its validation, schema and signature are made when the last name is known."""
    assert "W" == Later(what=What(name="W")).what.name
    with pytest.raises(ValidationError, match="set by code"):
        Later.model_validate({"what": {"name": "W"}, **PLAIN})
    assert ["what"] == list(Later.model_json_schema()["properties"])


def test_a_field_of_the_envelope_cannot_be_an_attribute_of_the_class() -> None:
    """Such a class could be neither checked nor read back."""
    with pytest.raises(ConfigurationError, match="metadata as something else than a field"):

        class Fixed(Command):
            metadata: ClassVar[Metadata] = LEND  # type: ignore[misc]


MESSAGES: dict[str, Message[Any]] = {
    "with the metadata of its class": Lend(isbn="2"),
    "with metadata of its own": Lend(metadata=Metadata(name="other", schema_version=7)),
    "of a base class": Return(metadata=LEND),
    "with a class of metadata": Own(
        metadata=Owned(name="own", schema_version=1, since=datetime(2021, 1, 1, tzinfo=UTC))
    ),
    "with a union of metadata": Either(metadata=Metadata(name="other", schema_version=7)),
    "with aliases": Camel(),
    "of a strict class": Strict(),
    "with unknown fields": Open.model_validate({"more": 1}),
    "of a generic class": Made[int](entity=1),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_is_loaded_from_trusted_plain_data(case: str) -> None:
    """It is the same as before, envelope included."""
    message = MESSAGES[case]
    cls = type(message)
    envelope = message.model_dump(mode="json", include=set(PLAIN))
    for again in (
        load_message(cls, message.model_dump_json()),
        load_message(cls, message.model_dump_json().encode()),
        load_message(cls, message.model_dump_json(by_alias=True)),
        load_message(cls, message.model_dump(mode="json")),
        load_message(cls, message.model_dump()),
        load_message(cls, message.model_dump_json(exclude=set(PLAIN)), envelope),
        load_message(cls, message.model_dump(exclude=set(PLAIN)), envelope),
    ):
        assert cls is type(again)
        assert message == again
        assert message.metadata == again.metadata
        assert (message.message_id, message.created_at) == (again.message_id, again.created_at)


def test_messages_inside_of_trusted_data_are_loaded_with_their_envelopes() -> None:
    """All of the data are trusted, not only their outside."""
    parcel = Parcel(first=Lend(), others=(Lend(metadata=Metadata(name="other", schema_version=9)),))
    again = load_message(Parcel, parcel.model_dump_json())

    assert parcel == again
    assert parcel.first.message_id == again.first.message_id
    assert 9 == again.others[0].metadata.schema_version


@pytest.mark.parametrize("data", [" { } ", '{"message_id": 1, "metadata": []}', b"{}"])
def test_an_envelope_replaces_what_the_data_say(data: str | bytes) -> None:
    """Data that are kept apart from their envelope do not change it."""
    message = load_message(Lend, data, PLAIN)

    assert UUID(PLAIN["message_id"]) == message.message_id
    assert PLAIN["metadata"] == message.metadata.model_dump()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"message_id": "1"}, "valid UUID"),
        ({"created_at": "yesterday"}, "valid datetime"),
        ({"metadata": {"name": 1}}, "metadata.name"),
        ('{"isbn": 1}', "valid string"),
        ("[1]", "Input should be"),
        ("{", "Invalid JSON"),
    ],
)
def test_data_that_the_class_does_not_accept_are_refused(data: Any, reason: str) -> None:
    """Trusted data are validated; the error tells what is wrong with them."""
    with pytest.raises(ValidationError, match=reason):
        load_message(Lend, data, None if isinstance(data, dict) else PLAIN)


def test_trust_ends_with_the_data_that_it_is_given_for() -> None:
    """What a validator validates by itself meanwhile is not trusted."""
    refused: list[object] = []

    class Curious(Lend):
        @field_validator("isbn")
        @classmethod
        def _look(cls, value: str) -> str:
            with pytest.raises(ValidationError) as caught:
                Lend.model_validate(PLAIN)
            refused.append(_refusals(caught.value))
            return value

    load_message(Curious, {**PLAIN, "isbn": "3"})

    assert [set(PLAIN)] == refused


@pytest.mark.parametrize("case", MESSAGES)
def test_copies_and_pickles_keep_the_envelope(case: str) -> None:
    """None of them validates."""
    message = MESSAGES[case]
    copies = [copy.copy(message), copy.deepcopy(message), message.model_copy()]
    if "generic" not in case:  # of a class that pickle finds by name
        copies.append(pickle.loads(pickle.dumps(message)))  # noqa: S301
    for again in copies:
        assert dict(message) == dict(again)


@given(st.builds(Lend), st.from_type(Lend), st.from_type(Return), st.builds(Own), st.data())
def test_hypothesis_builds_messages(
    built: Lend, found: Lend, base: Return, own: Own, data: st.DataObject
) -> None:
    """It makes up the fields, and leaves the envelope to the class."""
    assert LEND is built.metadata is found.metadata
    assert isinstance(base.metadata, Metadata)
    assert UTC == own.created_at.tzinfo
    assert isinstance(data.draw(st.from_type(Parcel)).first, Lend | Own)

"""Changes of pydantic models: what they break, as far as their schemas tell."""

from __future__ import annotations

import enum
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    SecretStr,
    computed_field,
    create_model,
)

from messagebus import Event, MessageDeserializer, Metadata
from messagebus.contracts import reads
from messagebus.contracts.payloads import Mode, payload_schema

OWN = Metadata(name="sold", schema_version=1, published=True)


class Small(enum.Enum):
    A = "a"
    B = "b"


class Large(enum.Enum):
    A = "a"
    B = "b"
    C = "c"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str = ""


class Fish(BaseModel):
    kind: Literal["fish"] = "fish"


class Node(BaseModel):
    value: int
    following: Optional[Node] = None  # noqa: UP045 - as many write it


class WiderNode(BaseModel):
    value: int | str
    following: Optional[WiderNode] = None  # noqa: UP045


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int = 0


class ClosedMore(Closed):
    b: int = 0


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: int = 0


class Whole(RootModel[list[int]]):
    pass


class Real(RootModel[list[float]]):
    pass


class Counted(BaseModel):
    a: int = 0

    @computed_field
    def double(self) -> int:
        return self.a * 2


class CountedBefore(BaseModel):
    a: int = 0


CatOrDog = Annotated[Cat | Dog, Field(discriminator="kind")]
Any3 = Annotated[Cat | Dog | Fish, Field(discriminator="kind")]


def event(**fields: Any) -> type[Event]:
    """Make a class of events with fields."""
    made: type[Event] = create_model("Sold", __base__=Event, metadata=(Metadata, OWN), **fields)
    return made


def broken(reader: type[Event], writer: type[Event], mode: Mode) -> list[str]:
    """Return the fields of a writer that a reader does not read."""
    schemas = [payload_schema([each], mode) for each in (reader, writer)]
    return [each.field for each in reads(*schemas) if each.is_error]


def one(annotation: Any) -> type[Event]:
    """Make a class of events with one field that is required."""
    return event(f=(annotation, ...))


# What a reader of the second reads of the first, and whether the reverse holds as well.
WIDER = [
    (int, float, False),
    (int, int | None, False),
    (Literal["a", "b"], Literal["a", "b", "c"], False),
    (Small, Large, False),
    (Small, Literal["a", "b"], True),
    (Small, str, False),
    (Literal["a"], Small | None, False),
    (CatOrDog, Any3, False),
    (CatOrDog, CatOrDog | None, False),
    (Cat, Cat | Dog, False),
    (Node, WiderNode, False),
    (list[Node], list[WiderNode], False),
    (dict[str, Node], dict[str, WiderNode], False),
    (Whole, Real, False),
    (Whole, list[int], True),
    (list[int], list[int | None], False),
    (set[int], list[int], False),
    (set[int], frozenset[int], True),
    (tuple[int, int], list[int], False),
    (tuple[int, int], tuple[int, ...], False),
    (tuple[int, str], tuple[float, str], False),
    (dict[str, int], dict[str, float], False),
    (dict[int, int], dict[str, int], False),
    (dict[UUID, int], dict[str, int], False),
    (dict[Literal["a"], int], dict[str, int], False),
    (dict[Annotated[str, Field(pattern="^a")], int], dict[str, int], False),
    (Annotated[int, Field(ge=1)], Annotated[int, Field(gt=0)], True),
    (Annotated[int, Field(ge=1)], int, False),
    (Annotated[int, Field(multiple_of=4)], Annotated[int, Field(multiple_of=2)], False),
    (Annotated[str, Field(max_length=3)], Annotated[str, Field(max_length=4)], False),
    (Annotated[str, Field(pattern="^a")], str, False),
    (Annotated[list[int], Field(min_length=1)], list[int], False),
    (Decimal, float | str, False),
    (Annotated[Decimal, Field(max_digits=5)], Decimal, False),
    (datetime, str, False),
    (UUID, str, False),
    (str, SecretStr, True),
    (Closed, ClosedMore, False),
    (CountedBefore, ClosedMore, True),
    (Closed, Open, False),
    (int, Any, False),
]


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize(("narrow", "wide", "both"), WIDER, ids=str)
def test_a_wider_field_reads_a_narrower_one(narrow: Any, wide: Any, both: bool, mode: Mode) -> None:
    """And not the reverse, unless both are the same."""
    small, large = one(narrow), one(wide)

    assert [] == broken(large, small, mode)
    # Extra fields are a part of what is accepted, and no part of what is known to be written.
    is_open = {narrow, wide} == {Closed, Open} if isinstance(wide, type) else False
    assert both is not bool(broken(small, large, mode)) or is_open


APART = [
    (datetime, date),
    (datetime, UUID),
    (int, str),
    (bool, int),
    (Json[int], list[int]),
    (Cat, Dog),
    (Literal["a"], Literal["b"]),
    (Literal["a"], date),
    (Literal[1], Literal["1"]),
    (Literal[1], Literal[True]),
    (list[int], dict[str, int]),
    (tuple[int, str], tuple[str, int]),
    (dict[Small, int], dict[Annotated[str, Field(pattern="^a")], int]),
    (Annotated[str, Field(pattern="^a")], Annotated[str, Field(pattern="^b")]),
]


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize(("first", "second"), APART, ids=str)
def test_fields_that_have_nothing_in_common_do_not_read_each_other(
    first: Any, second: Any, mode: Mode
) -> None:
    """Neither backward nor forward."""
    one_side, other = one(first), one(second)

    assert broken(one_side, other, mode)
    assert broken(other, one_side, mode)


NAMED = [
    # a default, or a list that is made: a new field breaks nobody
    ({}, {"a": (int, 1)}, [], []),
    ({}, {"a": (list[int], Field(default_factory=list))}, [], []),
    # without one, old data lack it
    ({}, {"a": (int, ...)}, ["a"], []),
    # a required field that becomes optional, and one that goes
    ({"a": (int, ...)}, {"a": (int, 1)}, [], ["a"]),
    ({"a": (int, ...)}, {}, [], ["a"]),
    # a name that changes, with and without an alias for the old one
    ({"a": (int, ...)}, {"b": (int, ...)}, ["b"], ["a"]),
    ({"a": (int, ...)}, {"b": (int, Field(alias="a"))}, [], ["a"]),
    ({"a": (int, ...)}, {"b": (int, Field(validation_alias=AliasChoices("a", "c")))}, [], ["a"]),
    ({"a": (int, Field(alias="b"))}, {"a": (int, Field(alias="c"))}, ["a or c"], ["a or b"]),
]


@pytest.mark.parametrize(("old", "new", "backward", "forward"), NAMED)
def test_names_and_defaults_decide_what_must_be_there(
    old: Any, new: Any, backward: list[str], forward: list[str]
) -> None:
    """Of what is accepted; aliases count."""
    before, after = event(**old), event(**new)

    assert backward == broken(after, before, "validation")
    assert forward == broken(before, after, "validation")


def test_a_path_to_a_value_is_one_of_its_names() -> None:
    """What is at its beginning may be anything."""
    plain = event(a=(int, ...))
    deep = event(a=(int, Field(validation_alias=AliasPath("inner", 0))))

    assert [] == broken(deep, plain, "validation")
    assert ["a"] == broken(plain, deep, "validation")


def test_a_computed_field_is_written_and_never_read() -> None:
    """A new one is missing in old data; one that goes is missing in new data."""
    before, after = one(CountedBefore), one(Counted)

    assert ["f.double"] == broken(after, before, "serialization")
    assert [] == broken(before, after, "serialization")
    assert [] == broken(after, before, "validation") == broken(before, after, "validation")


def test_extra_fields_that_may_be_anything_do_not_fit_a_field_with_a_type() -> None:
    """Who allows extra fields may have written one of that name."""

    class OpenMore(Open):
        b: int = 0

    assert {"f.b"} == {*broken(one(OpenMore), one(Open), "validation")}


@pytest.mark.parametrize(
    ("schema", "text", "is_read"),
    [
        (Decimal, "1.5", True),
        (Annotated[Decimal, Field(max_digits=3, decimal_places=1)], "12.5", True),
        (Annotated[Decimal, Field(max_digits=3, decimal_places=1)], "1.25", False),
        (dict[int, int], {"1": 1}, True),
        (dict[int, int], {"a": 1}, False),
        (dict[Annotated[str, Field(pattern="^a")], int], {"a": 1}, True),
        (dict[Annotated[str, Field(pattern="^a")], int], {"b": 1}, False),
        (CatOrDog, {"kind": "cat"}, True),
        (CatOrDog, {}, False),
    ],
)
def test_a_schema_says_what_its_class_reads(schema: Any, text: Any, is_read: bool) -> None:
    """More precisely than pydantic does on its own."""
    kind = one(schema)
    wire = {
        "id": "01a20526-ad91-743e-b996-93d3b24d6bec",
        "created_at": "2026-01-31T12:00:00+00:00",
        "type": "sold_v1",
        "payload": json.dumps({"f": text}),
    }
    deserializer = MessageDeserializer([kind])

    validator = Draft202012Validator(payload_schema([kind], "validation"))
    assert is_read is validator.is_valid({"f": text})
    if is_read:
        assert kind is type(deserializer.deserialize_message(wire))
    else:
        with pytest.raises(ValueError, match="does not fit"):
            deserializer.deserialize_message(wire)

"""The schemas of payloads, against what is written and what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from messagebus import Event, MessageDeserializer, MessageSerializer, MessageTypes
from messagebus.contracts import contract_of, reads
from messagebus.contracts.payloads import DIALECT, MODES, move_definitions, payload_schema

from .messages import (
    PUBLISHED,
    Cat,
    Codes,
    Created,
    Everything,
    Heard,
    Inner,
    Page,
    Tree,
    Wrapped,
    Written,
    new_bus,
)

CHECKED = settings(deadline=None, suppress_health_check=[*HealthCheck], max_examples=50)
TREES = st.recursive(
    st.builds(Tree, branches=st.just([])),
    lambda inner: st.builds(Tree, branches=st.lists(inner, max_size=2)),
    max_leaves=3,
)
OWN = st.just(Wrapped.model_fields["metadata"].default)
WRAPPED = st.builds(Wrapped, inner=st.builds(Inner), again=st.none(), metadata=OWN)
CODES = st.lists(st.sampled_from(["DE", "FR"]), max_size=2)
MESSAGES: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Everything,
        mixed=st.integers() | st.text(),
        reNamed=st.text(),
        ratio=st.floats(allow_nan=False, allow_infinity=False),
        price=st.decimals(allow_nan=False, allow_infinity=False),
        cost=st.decimals(-1000, 1000, places=2),
        tree=TREES,
        page=st.builds(Page[Tree], items=st.lists(TREES, max_size=2), following=st.none() | TREES),
        codes=st.builds(Codes, CODES),
        written=st.builds(Written, longName=st.integers()),
    ),
    st.builds(Wrapped, inner=st.builds(Inner), again=st.none() | WRAPPED, metadata=OWN),
    st.builds(Created[Cat]),
    st.builds(Created[Tree], what=TREES),
)


def written(message: Event) -> str:
    """Return the payload that the default serializer writes."""
    return str(MessageSerializer().serialize_message(message)["payload"])


def classes_of(message: Event) -> tuple[Any, ...]:
    """Return the class of a message, and those of the same name and version."""
    kind = message.metadata.name, message.metadata.schema_version
    return MessageTypes(PUBLISHED).candidates(*kind)


@pytest.mark.slow
@CHECKED
@given(MESSAGES)
def test_what_is_written_fits_the_schema_for_serialization(message: Event) -> None:
    """All of it: the schema names every field that is written."""
    schema = payload_schema(classes_of(message), "serialization")

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(written(message)))


@pytest.mark.slow
@CHECKED
@given(MESSAGES)
def test_what_is_written_and_read_fits_the_schema_for_validation(message: Event) -> None:
    """A message that its own class reads is one that its schema allows."""
    wire = MessageSerializer().serialize_message(message)
    schema = payload_schema(classes_of(message), "validation")
    is_read = MessageDeserializer(PUBLISHED).deserialize_message(wire) is not None

    assert is_read is Draft202012Validator(schema).is_valid(json.loads(wire["payload"]))


def test_the_schema_names_no_field_that_is_not_written() -> None:
    """Neither the envelope nor what is excluded; names are those of fields, or the chosen ones."""
    schema = payload_schema([Everything], "serialization")
    (cat,) = (each for name, each in schema["$defs"].items() if name == "Written")

    excluded = {"metadata", "message_id", "created_at", "secret"}
    assert {*Everything.model_fields, "total"} - excluded == schema["properties"].keys()
    assert ["longName"] == [*cat["properties"]]
    assert "Metadata" not in schema["$defs"]


def test_a_message_in_a_message_keeps_its_envelope() -> None:
    """Only the outer one has it beside the payload."""
    schema = payload_schema([Wrapped], "serialization")
    inner = schema["$defs"]["Inner"]["properties"]

    assert {"inner", "again"} == schema["properties"].keys()
    assert {"message_id", "created_at", "metadata", "value"} == inner.keys()


@pytest.mark.parametrize(
    "fields", [{"number": 1}, {"n": 1}, {"number": 1, "n": 2}, {"n": 1, "more": True}]
)
def test_a_field_is_read_by_its_name_or_by_its_alias(fields: dict[str, Any]) -> None:
    """The schema for validation has both."""
    schema = payload_schema([Heard], "validation")
    wire = {**MessageSerializer().serialize_message(Heard(n=1)), "payload": json.dumps(fields)}

    assert Draft202012Validator(schema).is_valid(fields)
    assert Heard is type(MessageDeserializer([Heard]).deserialize_message(wire))
    assert not Draft202012Validator(schema).is_valid({"other": 1})


def test_all_parametrisations_of_a_class_are_one_message() -> None:
    """What is sent does not say which one it is."""
    contract = contract_of(new_bus())
    (created,) = [each for each in contract.published if each.type == "created_v1"]
    schema = created.schema("serialization")

    assert "Created" == created.title
    assert "Is one message, whatever it carries." == created.summary
    assert 2 == len(schema["anyOf"])
    assert {"Cat", "Tree"} == schema["$defs"].keys()


def test_definitions_of_one_name_stay_apart() -> None:
    """So do those that refer to them."""
    one = {"$ref": "#/$defs/A", "$defs": {"A": {"items": {"$ref": "#/$defs/B"}}, "B": {"const": 1}}}
    two = {**one, "$defs": {**one["$defs"], "B": {"const": 2}}}  # type: ignore[dict-item]
    known: dict[str, Any] = {}

    refs = [move_definitions(each, known, "#/x/")["$ref"] for each in (one, two, one, two)]

    assert ["#/x/A", "#/x/A_2", "#/x/A", "#/x/A_2"] == refs
    assert {"items": {"$ref": "#/x/B_2"}} == known["A_2"]
    assert [{"const": 1}, {"const": 2}] == [known["B"], known["B_2"]]


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.parametrize("mode", ["serialization", "validation"])
def test_a_schema_reads_itself(kind: Any, mode: Any) -> None:
    """Whatever pydantic says of a field can be compared."""
    schema = payload_schema([kind], mode)

    assert [] == reads(schema, schema)


def test_what_a_class_writes_it_reads() -> None:
    """Of every kind of field."""
    validation, serialization = (payload_schema([Everything], mode) for mode in reversed(MODES))

    assert [] == reads(validation, serialization)


def test_the_dialect_is_named_as_it_names_itself() -> None:
    """Tools choose their rules by it."""
    assert DIALECT == Draft202012Validator.META_SCHEMA["$id"]

"""The rules of compatibility, each in both directions."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from messagebus.contracts import Finding, reads

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
NULL = {"type": "null"}


def model(*required: str, rest: Any = None, **fields: Any) -> dict[str, Any]:
    """Return the schema of an object."""
    schema = {"type": "object", "properties": fields, "required": [*required]}
    return schema if rest is None else {**schema, "additionalProperties": rest}


def told(reader: Any, writer: Any) -> list[tuple[str, str]]:
    """Return the fields and texts of the errors."""
    return [(each.field, each.what) for each in reads(reader, writer) if each.is_error]


def one_way(wide: Any, narrow: Any) -> str:
    """Ensure that a wider schema reads a narrower one, but not the reverse; return why not."""
    assert [] == told(wide, narrow)
    ((field, what),) = told(narrow, wide)
    assert field == ""
    return what


def test_a_required_field_must_always_be_written() -> None:
    """A field that may be missing, or is never written, cannot be required."""
    optional, required = model(a=STRING), model("a", a=STRING)

    assert [] == told(optional, required)
    assert [("a", "required, may be missing")] == told(required, optional)
    assert [("a", "required, not written")] == told(required, model())
    assert [] == told(model(), required)


def test_one_of_several_names_is_enough_where_one_is_required() -> None:
    """As for a field with an alias."""
    names = {"allOf": [{"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}]}
    either = {**model(a=STRING, b=STRING), **names}

    assert [] == told(either, model("b", b=STRING))
    assert [] == told(either, either)
    assert [("a", "required, may be missing")] == told(model("a", a=STRING), either)
    assert [("a or b", "required, not written")] == told(either, model("c", c=STRING))


def test_a_field_may_be_written_only_where_it_is_not_forbidden() -> None:
    """Readers that forbid unknown fields break with each new one."""
    strict, more = model(rest=False, a=STRING), model(a=STRING, b=STRING)

    assert [("b", "written, not allowed")] == told(strict, more)
    assert [] == told(more, strict)
    assert [("{}", "written, not allowed")] == told(strict, model(rest=True, a=STRING))


@pytest.mark.parametrize(
    ("wide", "narrow", "what"),
    [
        ({"type": "number"}, INTEGER, "number written, integer read"),
        ({"type": ["string", "integer"]}, STRING, "integer written, string read"),
        ({}, STRING, "null or boolean or number or array or object written, string read"),
    ],
)
def test_a_type_must_be_read_whole(wide: Any, narrow: Any, what: str) -> None:
    """An integer is a number; the reverse is not true."""
    assert what == one_way(wide, narrow)


@pytest.mark.parametrize("key", ["anyOf", "oneOf"])
def test_null_must_be_accepted_where_it_is_written(key: str) -> None:
    """However a schema says so."""
    assert "null written, string read" == one_way({key: [STRING, NULL]}, STRING)
    assert "null written, string read" == one_way({"type": ["string", "null"]}, STRING)


def test_a_value_must_be_known_to_the_reader() -> None:
    """Enumerations, constants, and both against types."""
    few, more = {"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}

    assert '"c" written, "a", "b" read' == one_way(more, few)
    assert '"b" written, "a" read' == one_way(few, {"const": "a"})
    assert 'any string written, "a", "b" read' == one_way(STRING, few)
    assert "null written, string read" == one_way({"anyOf": [STRING, NULL]}, STRING)
    assert [] == told({"type": "boolean"}, {"const": True})
    assert [("", "true written, 1 read")] == told({"const": 1}, {"const": True})
    assert [] == told({"enum": [True, False]}, {"type": "boolean"})
    assert [] == told({"type": "string", "maxLength": 1, "pattern": "^[a-c]$"}, more)
    assert [("", '"c" written, not read')] == told({"type": "string", "pattern": "^[ab]$"}, more)
    impossible = {"enum": ["a", "bb"], "minLength": 2}
    assert [("", '"a" written, "a", "bb" read')] == told(impossible, {"enum": ["a", "bb"]})
    assert [("", '"a" written, not read')] == told({**STRING, "format": "date"}, {"const": "a"})
    assert [] == told({"type": "array", "items": INTEGER}, {"const": [1, 2]})
    assert [("", '[1, "2"] written, not read')] == told(
        {"type": "array", "items": INTEGER}, {"const": [1, "2"]}
    )


@pytest.mark.parametrize(
    ("kind", "wide", "narrow"),
    [
        ("integer", {}, {"minimum": 1}),
        ("integer", {"minimum": 0}, {"minimum": 1}),
        ("integer", {"maximum": 2}, {"maximum": 1}),
        ("number", {"exclusiveMaximum": 2}, {"exclusiveMaximum": 1}),
        ("number", {"minimum": 1}, {"exclusiveMinimum": 1}),
        ("number", {"multipleOf": 0.5}, {"multipleOf": 1.5}),
        ("integer", {}, {"multipleOf": 2}),
        ("string", {}, {"minLength": 1}),
        ("string", {"maxLength": 2}, {"maxLength": 1}),
        ("array", {"minItems": 1}, {"minItems": 2}),
        ("array", {}, {"maxItems": 2}),
        ("array", {}, {"uniqueItems": True}),
        ("object", {}, {"minProperties": 1}),
        ("object", {"maxProperties": 2}, {"maxProperties": 1}),
    ],
)
def test_a_bound_must_not_be_tighter(
    kind: str, wide: dict[str, Any], narrow: dict[str, Any]
) -> None:
    """Of numbers, of lengths, and of differences."""
    one_way({"type": kind, **wide}, {"type": kind, **narrow})


def test_bounds_of_whole_numbers_are_compared_as_such() -> None:
    """More than 0 is at least 1."""
    above, least = {**INTEGER, "exclusiveMinimum": 0}, {**INTEGER, "minimum": 1}

    assert [] == told(above, least) == told(least, above)
    assert [] == told({"type": "number", "multipleOf": 0.5}, INTEGER)
    assert [("", "minimum 2 read, exclusiveMinimum 0 written")] == told(
        {**INTEGER, "minimum": 2}, above
    )


@pytest.mark.parametrize("word", ["pattern", "format"])
def test_a_pattern_or_format_must_not_be_added_or_changed(word: str) -> None:
    """Whether one pattern includes another one cannot be told."""
    with_word = {**STRING, word: "date"}

    assert f'{word} "date" read, no {word} written' == one_way(STRING, with_word)
    assert [("", f'{word} "date" read, "time" written')] == told(
        with_word, {**STRING, word: "time"}
    )


def test_items_are_compared_each_with_what_reads_it() -> None:
    """Those of a list, those of a tuple, and those behind it."""
    numbers = {"type": "array", "items": {"type": "number"}}
    pair = {"type": "array", "prefixItems": [INTEGER, STRING], "minItems": 2, "maxItems": 2}
    open_pair = {"type": "array", "prefixItems": [INTEGER, STRING]}

    assert [("[]", "number written, integer read")] == told(
        {"type": "array", "items": INTEGER}, numbers
    )
    assert [("[1]", "string written, number read")] == told(numbers, pair)
    assert [] == told(open_pair, pair)
    assert [("", "minItems 2 read, no minItems written")] == [
        each for each in told(pair, open_pair) if "minItems" in each[1]
    ]
    assert [("[]", "written, not allowed")] == told({**open_pair, "items": False}, open_pair)
    assert [] == told({**open_pair, "items": False}, {**open_pair, "items": False})


def test_the_values_of_a_map_are_compared() -> None:
    """And its names, and its values with the fields that a reader knows."""
    numbers = {"type": "object", "additionalProperties": {"type": "number"}}
    whole = {"type": "object", "additionalProperties": INTEGER}
    short = {**whole, "propertyNames": {"maxLength": 3}}

    assert [] == told(numbers, whole) == told(whole, short)
    assert [("{}", "number written, integer read")] == told(whole, numbers)
    assert [("{}", "maxLength 3 read, no maxLength written")] == told(short, whole)
    assert [("a", "integer written, string read")] == told(model(a=STRING), whole)
    assert [("a", "required, may be missing")] == told(model("a", a=INTEGER), whole)
    assert [("a", "string written, integer read")] == told(whole, model(a=STRING))
    assert [("{}", '"long" written, not read')] == told(short, model(long=INTEGER))


def test_each_branch_of_a_union_must_be_read_by_some_branch() -> None:
    """The branch that comes closest explains what is wrong."""
    cat = model("kind", kind={"const": "cat"}, lives=INTEGER)
    dog = model("kind", kind={"const": "dog"}, name=STRING)
    old = {"oneOf": [cat, dog]}
    new = {"oneOf": [{**cat, "properties": {**cat["properties"], "lives": STRING}}, dog]}

    assert [] == told(old, cat)
    assert [("kind", '"dog" written, "cat" read')] == told(cat, old)
    assert [("lives", "string written, integer read")] == told(old, new)
    assert [] == told({"anyOf": [{"const": "a"}, {"const": "b"}]}, {"enum": ["a", "b"]})


def test_a_tag_must_be_written_if_branches_are_told_apart_by_it() -> None:
    """Even if each branch has a default for it."""
    branches = [model(kind={"const": each, "default": each}) for each in ("cat", "dog")]
    tagged = {"oneOf": branches, "required": ["kind"]}

    assert [] == told(tagged, tagged)
    assert [("kind", "required, may be missing")] == told(tagged, branches[0])


def test_branches_that_overlap_cannot_be_compared() -> None:
    """Of *oneOf*, a value must fit one branch alone."""
    overlapping = {"oneOf": [STRING, {**STRING, "minLength": 3}]}

    assert [] == told(overlapping, overlapping)
    assert [("", "cannot tell: oneOf")] == told(overlapping, STRING)


def recursive(leaf: Any, *required: str, name: str = "Node") -> dict[str, Any]:
    """Return the schema of a tree."""
    nested = {"anyOf": [{"$ref": f"#/$defs/{name}"}, NULL]}
    node = model(*required, value=leaf, left=nested, right=nested)
    return {"$ref": f"#/$defs/{name}", "$defs": {name: node}}


def test_references_are_followed_to_the_end_of_a_circle() -> None:
    """Names of definitions do not matter, only what they say."""
    whole, numbers = recursive(INTEGER), recursive({"type": "number"}, name="Tree")

    assert [] == told(numbers, whole)
    assert ("value", "number written, integer read") == told(whole, numbers)[0]


def test_a_circle_that_is_not_readable_makes_no_branch_readable() -> None:
    """What was assumed inside of a circle is looked at again if it was wrong."""
    first: Any = {"$ref": "#/$defs/A"}
    second = {"$ref": "#/$defs/B"}
    other = model(a={"anyOf": [first, NULL]})
    written = {**first, "$defs": {"A": model(b=second, x=INTEGER), "B": other}}
    read = {
        "anyOf": [first, model(b=second)],  # the second branch relies on what fails in the first
        "$defs": {"A": model("x", b=second, x=INTEGER), "B": other},
    }

    assert not Draft202012Validator(read).is_valid({"b": {"a": {}}})
    assert [] != told(read, written)


def test_many_models_that_contain_each_other_are_compared_in_time() -> None:
    """Each pair is compared once, not once for each way that leads to it."""
    names = [f"Node{number}" for number in range(25)]
    union = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
    nodes = {name: model("kind", kind={"const": name}, left=union, right=union) for name in names}
    tree = {**union, "$defs": nodes}
    changed: Any = {**nodes, "Node24": model("kind", kind={"const": "other"})}
    other = {**tree, "$defs": changed}

    assert [] == told(tree, tree)
    assert [] != told(tree, other)


def test_a_default_that_moves_is_a_warning() -> None:
    """The shape is the same, and the meaning is not."""
    one, two = model(a={**INTEGER, "default": 1}), model(a={**INTEGER, "default": 2})

    assert [Finding(("a",), "default 2 written, 1 read", "warning")] == reads(one, two)
    assert [] == reads(one, one)


@pytest.mark.parametrize(
    "word",
    [
        {"not": STRING},
        {"if": STRING, "then": {"minLength": 1}},
        {"patternProperties": {"^a": INTEGER}},
        {"dependentRequired": {"a": ["b"]}},
        {"contains": INTEGER},
        {"items": [INTEGER]},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/nothing"},
        {"allOf": [{"minLength": 1}, {"minLength": 3}]},
        {"unheard": True},
    ],
)
def test_what_cannot_be_understood_is_said_and_counts(word: dict[str, Any]) -> None:
    """Unless it did not change."""
    schema = model("a", a=word)

    assert [] == told(schema, schema)
    assert any(what.startswith("cannot tell: ") for _, what in told(schema, model("a", a={})))


@pytest.mark.parametrize(
    "word",
    [
        {"type": None},
        {"type": [1]},
        {"required": "a"},
        {"required": [1]},
        {"properties": ["a"]},
        {"patternProperties": []},
        {"anyOf": None},
        {"anyOf": [{"required": 1}]},
        {"allOf": {}},
        {"format": []},
        {"pattern": 1},
        {"maxLength": "1"},
        {"minimum": float("inf")},
        {"multipleOf": 0},
        {"multipleOf": True},
        {"$ref": 1},
    ],
)
def test_a_keyword_with_what_it_cannot_have_is_not_understood(word: dict[str, Any]) -> None:
    """Documents of others are written by hand; a mistake in them is told, and ends nothing."""
    schema, valid = model("a", a=word), model("a", a=STRING)
    assert [] == told(schema, schema)
    assert any(what.startswith("cannot tell: ") for _, what in told(schema, model("a", a={})))
    told(valid, schema)


def test_conjunctions_are_merged() -> None:
    """As older versions of pydantic write a reference with a default."""
    schema = {"$defs": {"A": model("x", x=INTEGER)}}
    wrapped = {**model(a={"allOf": [{"$ref": "#/$defs/A"}], "default": None}), **schema}
    plain = {**model(a={"$ref": "#/$defs/A"}), **schema}

    assert [] == told(wrapped, plain) == told(plain, wrapped)
    both = {"allOf": [model("a", a=STRING), model("b", b=STRING)]}
    assert [("b", "required, not written")] == told(both, model("a", a=STRING))
    closed = {"allOf": [model(rest=False, a=STRING), model(b=STRING)]}
    assert [("", "cannot tell: allOf")] == told(closed, model(a=STRING))


def test_a_schema_in_a_text_is_compared() -> None:
    """As on brokers where the payload is a string in a JSON object."""

    def text(schema: Any) -> dict[str, Any]:
        return {**STRING, "contentMediaType": "application/json", "contentSchema": schema}

    assert [("a", "string written, integer read")] == told(
        text(model(a=INTEGER)), text(model(a=STRING))
    )


def test_nested_fields_are_named() -> None:
    """With brackets for the items of a list."""
    nested = model(lines={"type": "array", "items": model(sku=STRING)})
    changed = model(lines={"type": "array", "items": model(sku=INTEGER)})

    assert [("lines[].sku", "integer written, string read")] == told(nested, changed)

"""Strategies for schemas in the words that pydantic writes, and for values that fit a schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, reject
from hypothesis import strategies as st

Schema = Any

FORMATS = {
    "uuid": ["01a20526-ad91-743e-b996-93d3b24d6bec"],
    "date-time": ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00"],
    "date": ["2026-01-31"],
    "time": ["12:00:00"],
    "duration": ["P1DT2H"],
}
PATTERNS = ["^a", "^[a-c]+$", r"^\d{2,3}$"]
NAMES = st.sampled_from(["a", "b", "kind"])
SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
)
ANYTHING: st.SearchStrategy[Any] = (
    SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
)
DEEPEST = 6
DEFINITIONS = ["One", "Two"]


@st.composite
def values(draw: st.DrawFn, schema: Schema) -> Any:
    """Draw a value that fits a schema, with no fields that it does not name."""
    return _draw(draw, schema, schema, DEEPEST)


def _draw(draw: st.DrawFn, schema: Schema, root: Schema, depth: int) -> Any:
    if depth < 0:
        reject()
    if schema is True or not schema:
        return draw(ANYTHING)
    if schema is False:
        reject()
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].split("/")[1:]:
            target = target[part]
        return _draw(draw, target, root, depth - 1)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return _draw(draw, draw(st.sampled_from(schema[union])), root, depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    kind = schema["type"]
    if kind == "array":
        return _draw_array(draw, schema, root, depth)
    if kind == "object":
        return _draw_object(draw, schema, root, depth)
    simple = {"null": st.none(), "boolean": st.booleans()}
    made = {"integer": _integers, "number": _numbers, "string": _strings}
    return draw(simple[kind] if kind in simple else made[kind](schema))


def _integers(schema: Schema) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = max(
            schema["exclusiveMinimum"] + 1, schema["exclusiveMinimum"] + 1 if low is None else low
        )
    if "exclusiveMaximum" in schema:
        high = min(
            schema["exclusiveMaximum"] - 1, schema["exclusiveMaximum"] - 1 if high is None else high
        )
    if low is not None and high is not None and low > high:
        return st.nothing()
    found = st.integers(-20 if low is None else int(low), 20 if high is None else int(high))
    step: int = schema.get("multipleOf", 1)
    return found.filter(lambda each: each % step == 0)


def _numbers(schema: Schema) -> st.SearchStrategy[Any]:
    def fits(value: float) -> bool:
        kept = [
            value >= schema.get("minimum", value),
            value <= schema.get("maximum", value),
            "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"],
            "exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"],
            value % schema.get("multipleOf", 0.5) == 0,
        ]
        return all(kept)

    return st.integers(-16, 16).map(lambda each: each / 2).filter(fits)


def _strings(schema: Schema) -> st.SearchStrategy[Any]:
    if "format" in schema:
        return st.sampled_from(FORMATS[schema["format"]])
    least, most = schema.get("minLength", 0), schema.get("maxLength", 5)
    if least > most:
        return st.nothing()
    if "pattern" in schema:
        texts = st.from_regex(schema["pattern"]).map(lambda each: each.removesuffix("\n"))
        return texts.filter(lambda each: least <= len(each) <= schema.get("maxLength", len(each)))
    return st.text("abc1", min_size=least, max_size=most)


def _draw_array(draw: st.DrawFn, schema: Schema, root: Schema, depth: int) -> list[Any]:
    first, rest = schema.get("prefixItems", []), schema.get("items", True)
    least, most = schema.get("minItems", 0), schema.get("maxItems", max(3, len(first)))
    if rest is False:
        most = min(most, len(first))
    if least > most:
        reject()
    length = draw(st.integers(least, most)) if depth else least
    schemas = [first[each] if each < len(first) else rest for each in range(length)]
    drawn = [_draw(draw, each, root, depth - 1) for each in schemas]
    assume(not schema.get("uniqueItems") or len({repr(each) for each in drawn}) == length)
    return drawn


def _draw_object(draw: st.DrawFn, schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    fields, required = schema.get("properties", {}), schema.get("required", ())
    chosen = [name for name in fields if name in required or (depth > 0 and draw(st.booleans()))]
    drawn = {
        name: _draw(draw, fields.get(name, True), root, depth - 1)
        for name in dict.fromkeys([*required, *chosen])
    }
    rest = schema.get("additionalProperties", "properties" not in schema)
    if rest is not False and depth > 0:
        for name in draw(st.lists(st.text("cdkind", max_size=4), max_size=2)):
            if name not in fields:
                drawn[name] = _draw(draw, rest, root, depth - 1)
    assume(schema.get("minProperties", 0) <= len(drawn) <= schema.get("maxProperties", 99))
    return drawn


def _bounded(draw: st.DrawFn, kind: str, *words: str) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(words), unique=True, max_size=2))
    low = 1 if words[-1] == "multipleOf" else 0
    numbers = {
        word: draw(st.integers(1, 3) if word == "multipleOf" else st.integers(-2 * low, 3))
        for word in chosen
    }
    return {"type": kind, **numbers}


@st.composite
def parts(draw: st.DrawFn, depth: int = 2) -> Schema:
    """Draw a part of a schema, which may refer to the definitions of *schemas*."""
    simple = ["null", "boolean", "integer", "number", "string", "const", "enum", "any"]
    nested = ["array", "tuple", "object", "object", "object", "map", "union", "ref", "tagged"]
    kind = draw(st.sampled_from(simple + nested if depth else [*simple, "ref"]))
    part = parts(depth - 1)
    if kind in {"integer", "number"}:
        words = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        return _bounded(draw, kind, *words)
    if kind == "string":
        extra: dict[str, Any] = draw(
            st.sampled_from([{}, *({"pattern": each} for each in PATTERNS)])
            | st.sampled_from([{"format": each} for each in FORMATS])
        )
        return (
            {**_bounded(draw, kind, "minLength", "maxLength"), **extra}
            if "format" not in extra
            else {"type": kind, **extra}
        )
    if kind == "const":
        return {"const": draw(SCALARS)}
    if kind == "enum":
        return {"enum": draw(st.lists(SCALARS, min_size=1, max_size=3, unique_by=repr))}
    if kind == "any":
        return {}
    if kind == "array":
        array = _bounded(draw, "array", "minItems", "maxItems")
        return {**array, "items": draw(part), **draw(st.sampled_from([{}, {"uniqueItems": True}]))}
    if kind == "tuple":
        items = draw(st.lists(part, min_size=1, max_size=2))
        lengths = {"minItems": len(items), "maxItems": len(items)}
        return {
            "type": "array",
            "prefixItems": items,
            **draw(st.sampled_from([lengths, {}, {"items": False}])),
        }
    if kind == "object":
        return draw(objects(part))
    if kind == "map":
        return {
            **_bounded(draw, "object", "minProperties", "maxProperties"),
            "additionalProperties": draw(part),
        }
    if kind == "union":
        return {"anyOf": draw(st.lists(part, min_size=1, max_size=3))}
    if kind == "ref":
        return {"$ref": f"#/$defs/{draw(st.sampled_from(DEFINITIONS))}"}
    if kind == "tagged":
        tags = draw(st.lists(st.sampled_from("xyz"), min_size=1, max_size=3, unique=True))
        return {"oneOf": [_tagged(draw(objects(part)), tag) for tag in tags], "required": ["kind"]}
    return {"type": kind}


@st.composite
def objects(draw: st.DrawFn, part: st.SearchStrategy[Schema]) -> Schema:
    """Draw an object with named fields."""
    fields = draw(st.dictionaries(NAMES, part, max_size=3))
    required = [name for name in fields if draw(st.booleans())]
    rest = draw(st.sampled_from([{}, {}, {"additionalProperties": False}]))
    return {"type": "object", "properties": fields, "required": required, **rest}


def _tagged(schema: Schema, tag: str) -> Schema:
    required = [*{**dict.fromkeys(schema["required"]), "kind": None}]
    return {
        **schema,
        "properties": {**schema["properties"], "kind": {"const": tag}},
        "required": required,
    }


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Draw a whole schema."""
    definitions = {name: draw(objects(parts(1))) for name in DEFINITIONS}
    root = draw(objects(parts()))
    return {**root, "$defs": definitions}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    """Draw two schemas, of which one is the other with a few changes."""
    first = draw(schemas())
    second = copy.deepcopy(first)
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, second)
    assume(first != second)
    return (first, second) if draw(st.booleans()) else (second, first)


def _change(draw: st.DrawFn, schema: Schema) -> None:
    """Change a place of a schema: a part is another one, or a keyword is gone or moved."""
    places = [*_places(schema)]
    assume(places)
    holder, key = draw(st.sampled_from(places))
    node = holder[key]
    if isinstance(node, bool):
        holder[key] = not node
    elif isinstance(node, int):
        moved = node + draw(st.sampled_from([-1, 1]))
        holder[key] = moved if moved > 0 or key in {"minimum", "maximum"} else 1
    elif isinstance(node, list):
        node.pop(draw(st.integers(0, len(node) - 1)))
    elif key == "pattern":
        holder[key] = draw(st.sampled_from(PATTERNS))
    elif key == "format":
        holder[key] = draw(st.sampled_from([*FORMATS]))
    elif key == "type":
        holder[key] = "number" if node == "integer" else "integer"
    else:
        widened = {"anyOf": [node, draw(parts(0))]}
        holder[key] = draw(st.sampled_from([widened, widened["anyOf"][1]]))


def _places(node: Schema) -> Iterator[tuple[Any, Any]]:
    """Yield what can be changed: the holder, and the key in it."""
    for key, each in node.items() if isinstance(node, dict) else enumerate(node):
        if key in {"const", "kind", "$ref"}:
            continue
        is_number = key == "type" and each in {"integer", "number"}
        if is_number or isinstance(each, int) or key in {"pattern", "format"}:
            yield node, key
        elif isinstance(each, list):
            if len(each) > 1 and key in {"enum", "anyOf", "required"}:
                yield node, key
            if key not in {"enum", "required"}:
                yield from _places(each)
        elif isinstance(each, dict):
            if key not in {"properties", "$defs", *DEFINITIONS}:
                yield node, key
            yield from _places(each)

"""JSON Schemas of payloads, exactly as the default serializer and deserializer have them.

A payload differs from what pydantic documents on its own: the envelope is not part of it, the
serializer writes the names of fields and not their aliases, and the deserializer takes either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ..domain.model import Message
from ..domain.model.class_schema import fields_schema
from ..serialization.types import MessageType
from ..serialization.wire import ENVELOPE

Schema: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]

MODES: tuple[Mode, ...] = ("serialization", "validation")

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of JSON Schema that pydantic writes."""

_ANY = core_schema.any_schema()
_WHOLE = "^[+-]?[0-9]+$"
_LOCAL = "#/$defs/"


def payload_schema(kinds: Sequence[MessageType], mode: Mode) -> Schema:
    """Return the JSON Schema of the payload of a message.

    Args:
        kinds: the class of the message, or all parametrisations of a generic class.
        mode: ``serialization`` for what is written, ``validation`` for what is accepted.
    """
    schemas = [_schema_of(kind, mode) for kind in kinds]
    if len(schemas) == 1:
        return schemas[0]
    definitions: dict[str, Schema] = {}
    branches = [move_definitions(each, definitions, _LOCAL) for each in schemas]
    return {"anyOf": branches} | ({"$defs": definitions} if definitions else {})


def move_definitions(schema: Schema, definitions: dict[str, Schema], prefix: str) -> Schema:
    """Move the definitions of a schema to others, and return the rest.

    A definition that is there under its name already is not added again. One that has the name of
    another definition gets a number.

    Args:
        schema: a schema with ``$defs``, which is not changed.
        definitions: where the definitions go.
        prefix: what references to them begin with.
    """
    own: Mapping[str, Schema] = schema.get("$defs", {})
    taken = {name: json.dumps(each, sort_keys=True) for name, each in definitions.items()}
    names = {name: name for name in own}
    while True:
        moved = {name: _renamed(each, names, prefix) for name, each in own.items()}
        clashes = [
            name
            for name, each in moved.items()
            if taken.get(names[name], text := json.dumps(each, sort_keys=True)) != text
            or (names[name] != name and names[name] in own)
        ]
        if not clashes:
            break
        # What refers to a definition with another name is another definition as well.
        for name in clashes:
            names[name] = _next(names[name], name)
    definitions |= {names[name]: each for name, each in moved.items()}
    rest = {key: each for key, each in schema.items() if key != "$defs"}
    return cast("Schema", _renamed(rest, names, prefix))


def _next(taken: str, name: str) -> str:
    number = taken.removeprefix(name).removeprefix("_")
    return f"{name}_{int(number or 1) + 1}"


def _renamed(node: Any, names: Mapping[str, str], prefix: str) -> Any:
    """Return a copy of a part of a schema, with its references to definitions renamed."""
    if isinstance(node, list):
        return [_renamed(each, names, prefix) for each in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _renamed(each, names, prefix) for key, each in node.items()}
    ref = node.get("$ref")
    if isinstance(ref, str) and ref.startswith(_LOCAL):
        copied["$ref"] = f"{prefix}{names[ref.removeprefix(_LOCAL)]}"
    return copied


def _schema_of(kind: MessageType, mode: Mode) -> Schema:
    schema = kind.model_json_schema(by_alias=False, mode=mode, schema_generator=_Generator)
    definitions = schema.pop("$defs", {})
    # A class that contains itself is a reference, which older versions of pydantic wrap.
    for each in (schema, *schema.get("allOf", ())):
        if "$ref" in each:
            schema = {**definitions[each["$ref"].removeprefix(_LOCAL)]}
    envelope = {_written(kind, name) if mode == "serialization" else name for name in ENVELOPE}
    schema["properties"] = {
        name: each for name, each in schema.get("properties", {}).items() if name not in envelope
    }
    required = [name for name in schema.pop("required", ()) if name not in envelope]
    if required:
        schema["required"] = required
    used = _used_by(schema, definitions)
    return schema | ({"$defs": used} if used else {})


def _used_by(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the definitions that a schema needs: the envelope had some of its own."""
    found: dict[str, Schema] = {}
    waiting: list[Any] = [schema]
    while waiting:
        for ref in _references(waiting.pop()):
            name = ref.removeprefix(_LOCAL)
            if name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(found.items()))


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith(_LOCAL):
            yield ref
        for each in node.values():
            yield from _references(each)


class _Generator(GenerateJsonSchema):
    """Describes models as they are written and read here."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a model."""
        described = super().model_schema(schema)
        cls: type[BaseModel] = schema["cls"]
        fields = fields_schema(schema)
        if "properties" not in described or fields is None:
            return described
        if self.mode == "validation":
            if described.get("additionalProperties") is False and issubclass(cls, Message):
                # The envelope of a message in a message is read with it.
                described["properties"] |= {name: {} for name in sorted(ENVELOPE)}
            _add_aliases(described, fields["fields"])
        elif cls.model_config.get("serialize_by_alias"):
            names = {name: _written(cls, name) for name in described["properties"]}
            properties = described["properties"].items()
            described["properties"] = {names[name]: each for name, each in properties}
            if "required" in described:
                described["required"] = [names[name] for name in described["required"]]
        return described

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Describe a decimal number, which is a string that says so."""
        described = super().decimal_schema(schema)
        for each in described.get("anyOf", [described]):
            if each.get("type") == "string":
                each["format"] = "decimal"
        return described

    def get_decimal_pattern(self, schema: core_schema.DecimalSchema) -> str | None:
        """Return the pattern of a decimal number, if the number of its digits is limited.

        It is that for validation, of which what is written is a part, so that the two modes can
        be compared.
        """
        is_limited = "max_digits" in schema or "decimal_places" in schema
        return GenerateJsonSchema().build_decimal_pattern(schema) if is_limited else None

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Describe a map, whose keys are read as what they are in Python."""
        described = super().dict_schema(schema)
        if "patternProperties" in described:
            described.setdefault("additionalProperties", False)
        elif self.generate_inner(schema.get("keys_schema", _ANY)).get("type") == "integer":
            described["propertyNames"] = {"pattern": _WHOLE}
        return described

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Describe a union whose branches are told apart by a field, which they must have."""
        described = super().tagged_union_schema(schema)
        name = described.get("discriminator", {}).get("propertyName")
        if name is not None:
            return {**described, "required": [name]}
        # A function tells the branches apart, and a value may fit several of them.
        return {"anyOf" if key == "oneOf" else key: each for key, each in described.items()}


def _written(cls: type[BaseModel], name: str) -> str:
    """Return the name under which a field is written."""
    if not cls.model_config.get("serialize_by_alias"):
        return name
    field = cls.model_fields.get(name) or cls.model_computed_fields[name]
    alias = getattr(field, "serialization_alias", None) or field.alias
    return alias or name


def _add_aliases(described: Schema, fields: Mapping[str, Any]) -> None:
    """Add the other names under which fields are accepted."""
    properties, required = described["properties"], described.get("required", [])
    choices = []
    for name, field in fields.items():
        aliases = [*_aliases_of(field)]
        for alias, is_value in aliases:
            if alias not in properties:
                properties[alias] = dict(properties[name]) if is_value else {}
        if name in required and aliases:
            required.remove(name)
            any_of = dict.fromkeys([name, *(alias for alias, _ in aliases)])
            choices.append({"anyOf": [{"required": [each]} for each in any_of]})
    if choices:
        described["allOf"] = choices
    if not required:
        described.pop("required", None)


def _aliases_of(field: Mapping[str, Any]) -> Iterable[tuple[str, bool]]:
    """Yield the aliases of a field, and whether its value is there, and not deeper."""
    alias = field.get("validation_alias", [])
    paths = [[alias]] if isinstance(alias, str) else alias
    if paths and not isinstance(paths[0], list):
        paths = [paths]  # there is only one
    for first, *others in paths:
        yield first, not others

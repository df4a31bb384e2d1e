"""What pydantic makes of a class: its core schema and its signature, and changes to them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Signature, signature
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic_core import CoreSchema

# Data have the names of fields, even where these have aliases.
BY_NAME: dict[str, Any] = (
    {"by_name": True, "by_alias": True}
    if "by_name" in signature(BaseModel.model_validate_json).parameters
    else {}
)


def fields_schema(schema: Any) -> dict[str, Any] | None:
    """Return the part of the core schema of a model that lists its fields, if it has one."""
    while schema is not None and schema["type"] != "model-fields":
        schema = schema.get("schema")
    return schema  # type: ignore[no-any-return]


def change_field(
    fields: dict[str, Any], name: str, change: Callable[[CoreSchema], CoreSchema]
) -> None:
    """Change how the value of a field is validated; its default stays unvalidated."""
    field = fields["fields"].get(name)
    if field is not None:
        while field["schema"]["type"] == "default":
            field = field["schema"]
        field["schema"] = change(field["schema"])


def without_fields(schema: CoreSchema, names: frozenset[str]) -> CoreSchema:
    """Return the core schema of a model without some fields, to make a JSON Schema of it."""
    copied: dict[str, Any] = {**schema}
    if copied["type"] == "model-fields":
        fields = copied["fields"]
        copied["fields"] = {name: fields[name] for name in fields if name not in names}
    elif "schema" in copied:
        copied["schema"] = without_fields(copied["schema"], names)
    return copied


class ShortSignature:
    """The signature of a class of pydantic without some of its optional fields.

    Tools that build an instance from a signature would set them: web frameworks from a request,
    Hypothesis from what it makes up. It is made when it is first asked for, as pydantic's own.
    """

    def __init__(self, model: type[BaseModel], made: Any, names: frozenset[str]) -> None:
        self._model = model
        self._made = made
        self._names = names
        self._short: Signature | None = None

    @classmethod
    def shorten(cls, model: type[BaseModel], names: frozenset[str]) -> None:
        """Replace the signature of a class, if pydantic has made it."""
        made = vars(model).get("__signature__")
        if made is not None and not isinstance(made, ShortSignature):
            model.__signature__ = cls(model, made, names)  # type: ignore[assignment]

    def __get__(self, instance: object, owner: type) -> Signature:
        if instance is not None:  # an instance that can be called has a signature of its own
            raise AttributeError(owner, "__signature__")
        if self._short is None:
            model = self._model
            signature: Signature = self._made.__get__(None, model)
            hidden: set[str] = set()
            for name in self._names:
                if not model.model_fields[name].is_required():
                    hidden |= names_of(model, name)
            kept = [each for name, each in signature.parameters.items() if name not in hidden]
            self._short = signature.replace(parameters=kept)
        return self._short


def names_of(cls: type[BaseModel], name: str) -> set[str]:
    """Return the name of a field and all its aliases, except paths."""
    field = cls.model_fields[name]
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    found = (name, field.alias, field.serialization_alias, *choices)
    return {each for each in found if isinstance(each, str)}

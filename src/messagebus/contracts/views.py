"""Views of JSON Schemas: references followed, conjunctions merged, unions taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .shapes import is_well_formed
from .values import kind_of, outline, same_value, shown, takes

Node = Any
"""A part of a schema: a mapping, True for anything, or False for nothing."""

KINDS = ("null", "boolean", "number", "string", "array", "object")
"""The types of values; *integer* is a part of *number*."""

ANNOTATIONS = frozenset(
    {
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "default",
        "definitions",
        "deprecated",
        "description",
        "discriminator",
        "example",
        "examples",
        "externalDocs",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""The keywords that allow and forbid nothing."""

_KNOWN = {
    *("type", "enum", "const", "anyOf", "oneOf"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
    *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    *("properties", "additionalProperties", "propertyNames", "minProperties", "maxProperties"),
}

CANNOT_MERGE = "allOf"
"""Stands among the unknown keywords of a view if a conjunction could not be merged."""


@dataclass(frozen=True, slots=True)
class View:
    """What one part of a schema says about values.

    Attributes:
        keys: its keywords, without those that the other attributes stand for.
        groups: sets of names, of each of which an object has at least one.
        unknown: keywords that cannot be understood here.
        is_empty: whether no value fits.
    """

    keys: Mapping[str, Any] = field(default_factory=dict)
    groups: frozenset[frozenset[str]] = frozenset()
    unknown: frozenset[str] = frozenset()
    is_empty: bool = False

    @property
    def says_nothing(self) -> bool:
        """Whether every value fits."""
        is_free = not (self.unknown or self.groups or self.is_empty)
        return is_free and all(map(_is_annotation, self.keys))

    @property
    def kind(self) -> str:
        """The type, of a view that has only one."""
        return str(self.keys["type"])

    @property
    def values(self) -> list[Any] | None:
        """The only values that fit; None if there is no such list."""
        if "const" in self.keys:
            return [self.keys["const"]]
        values = self.keys.get("enum")
        return values if isinstance(values, list) else None

    @property
    def required(self) -> set[str]:
        """The names that an object always has."""
        return {name for group in self.groups if len(group) == 1 for name in group}


class Schemas:
    """A document with schemas that refer to each other.

    Args:
        root: the document, from which references start.
    """

    def __init__(self, root: Node) -> None:
        self._root = root
        # By identity, with the node, so that no other one gets it. What a view makes up, such as
        # a conjunction, has an identity as well, and so must be made up once only.
        self._views: dict[int, tuple[Node, View]] = {}
        self._alternatives: dict[int, tuple[Node, list[View]]] = {}
        self._outlines: dict[int, tuple[Any, View]] = {}

    def find(self, ref: str) -> Node | None:
        """Return what a reference leads to; None if that is not in the document."""
        if not ref.startswith("#"):
            return None
        found = self._root
        for part in ref[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Sequence) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, Mapping) and name in found:
                found = found[name]
            else:
                return None
        return found if isinstance(found, Mapping | bool) else None

    def view(self, node: Node) -> View:
        """Return the view of a part of the document."""
        if id(node) not in self._views:
            view = View()
            for part in self._parts(node, set()):
                view = merge(view, part)
            self._views[id(node)] = node, view
        return self._views[id(node)][1]

    def alternatives(self, node: Node) -> list[View]:
        """Return views of one type each; a value fits the node if it fits one of them."""
        if id(node) not in self._alternatives:
            self._alternatives[id(node)] = node, self._split(self.view(node))
        return self._alternatives[id(node)][1]

    def _parts(self, node: Node, seen: set[str]) -> Iterator[View]:
        """Yield views whose conjunction is a node."""
        if not isinstance(node, Mapping):
            yield View(is_empty=node is False)
            return
        malformed = [key for key, each in node.items() if not is_well_formed(key, each)]
        keys = {key: each for key, each in node.items() if key not in malformed}
        ref = keys.pop("$ref", None)
        if isinstance(ref, str):
            target = None if ref in seen else self.find(ref)
            if target is None:
                yield View(unknown=frozenset({"$ref"}))
            else:
                yield from self._parts(target, {*seen, ref})
        conjunction = keys.pop("allOf", ())
        required = keys.pop("required", ())
        groups = {frozenset({name}) for name in required}
        if (names := _names_of_choice(keys.get("anyOf"))) is not None:
            groups.add(names)
            del keys["anyOf"]
        # By more than the name, which a view of one type may have all the same.
        unknown = frozenset(f"{key} {shown(node[key])}" for key in malformed)
        yield View(keys, frozenset(groups), unknown)
        for each in conjunction:
            yield from self._parts(each, seen)

    def outline(self, value: list[Any] | Mapping[str, Any]) -> View:
        """Return the view that fits one value of the document alone."""
        if id(value) not in self._outlines:
            self._outlines[id(value)] = value, self.view(outline(value))
        return self._outlines[id(value)][1]

    def branches(self, view: View, keyword: str) -> list[View]:
        """Return the branches of a union, each with what the view says besides."""
        rest = replace(view, keys={key: each for key, each in view.keys.items() if key != keyword})
        return [merge(rest, self.view(each)) for each in view.keys[keyword]]

    def _split(self, view: View) -> list[View]:
        for keyword in ("anyOf", "oneOf"):
            if keyword in view.keys:
                branches = self.branches(view, keyword)
                if keyword == "oneOf" and not self._exclude_each_other(branches):
                    unknown = view.unknown | {"oneOf"}
                    branches = [replace(each, unknown=unknown) for each in branches]
                return [each for branch in branches for each in self._split(branch)]
        if view.is_empty:
            return []
        kinds = view.keys.get("type", KINDS)
        split = []
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            keys = {**view.keys, "type": kind}
            if view.values is not None:
                fitting = [each for each in view.values if takes(kind, kind_of(each))]
                keys = {key: each for key, each in keys.items() if key != "const"}
                keys["enum"] = fitting
            if keys.get("enum") != []:
                split.append(replace(view, keys=keys))
        return split

    def _exclude_each_other(self, branches: Sequence[View]) -> bool:
        """Return whether no value can fit two of some branches."""
        return all(
            self._differ(one, other)
            for number, one in enumerate(branches)
            for other in branches[:number]
        )

    def _differ(self, one: View, other: View) -> bool:
        kinds = [each.keys.get("type") for each in (one, other)]
        if all(isinstance(each, str) for each in kinds):
            first, second = map(str, kinds)
            if not takes(first, second) and not takes(second, first):
                return True
        for name in one.required & other.required:
            fields = [each.keys.get("properties", {}).get(name, True) for each in (one, other)]
            tags = [self.view(each).values for each in fields]
            if None not in tags and not any(
                same_value(tag, each) for tag in tags[0] or () for each in tags[1] or ()
            ):
                return True
        return False


def merge(first: View, second: View) -> View:
    """Return the conjunction of two views; what cannot be merged becomes unknown."""
    keys = {**first.keys}
    unknown = first.unknown | second.unknown
    if any(_depends(one.keys, other.keys) for one, other in ((first, second), (second, first))):
        unknown |= {CANNOT_MERGE}
    for key, value in second.keys.items():
        if key not in keys or _is_annotation(key):
            keys[key] = value
        elif key == "properties":
            both = keys[key].keys() & value.keys()
            shared = {name: {"allOf": [keys[key][name], value[name]]} for name in both}
            keys[key] = {**keys[key], **value, **shared}
        elif not same_value(keys[key], value):
            unknown |= {CANNOT_MERGE}
    is_empty = first.is_empty or second.is_empty
    return View(keys, first.groups | second.groups, unknown, is_empty)


def obscure_words(view: View) -> frozenset[str]:
    """Return the keywords of a view that cannot be understood here."""
    words = {key for key in view.keys if key not in _KNOWN and not _is_annotation(key)}
    older = {"items": list, "exclusiveMinimum": bool, "exclusiveMaximum": bool}  # dialects
    words |= {key for key, kind in older.items() if isinstance(view.keys.get(key), kind)}
    return view.unknown | words


def _is_annotation(key: str) -> bool:
    return key in ANNOTATIONS or key.startswith("x-")


def _depends(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether a keyword means what it means only beside the keywords of its own part."""
    more = other.get("properties", {}).keys() - one.get("properties", {}).keys()
    is_beside = "items" in one and "prefixItems" in other
    return is_beside or bool(more and one.get("additionalProperties", True) is not True)


def _names_of_choice(branches: object) -> frozenset[str] | None:
    """Return the names of which a union requires at least one; None if it says anything else."""
    if not isinstance(branches, list) or not branches:
        return None
    names = set()
    for branch in branches:
        if not isinstance(branch, Mapping) or [*branch] != ["required"]:
            return None
        if not is_well_formed("required", branch["required"]) or len(branch["required"]) != 1:
            return None
        names.update(branch["required"])
    return frozenset(names)

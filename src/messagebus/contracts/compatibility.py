"""Compatibility of JSON Schemas: what a writer may write that a reader does not take.

The comparison follows both schemas at once. It is careful: what it cannot understand counts as a
problem, and so does what only a combination of several branches could read.

Two assumptions make it useful. A writer writes no fields that its schema does not name, unless
*additionalProperties* says so. And a value with a *format* has that format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .facets import length_problems, number_problems, string_problems, value_problems
from .finding import AGAIN, CANNOT_TELL, Finding, closest, kinds_text, values_text
from .sameness import Sameness
from .values import kind_of, same_value, shown, takes
from .views import Node, Schemas, View, obscure_words

_STRING: Node = {"type": "string"}
_FEW: Mapping[str, Sequence[Any]] = {"null": [None], "boolean": [False, True]}
"""The types that have few values."""

_CHECKED = frozenset(
    {
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern"),
    }
)
"""The keywords that a single value can be checked against."""

_Pair = tuple[int, int]


def reads(
    reader: Node,
    writer: Node,
    *,
    reader_root: Node | None = None,
    writer_root: Node | None = None,
) -> list[Finding]:
    """Return what keeps a reader from taking everything that a writer may write.

    A change is *backward* compatible if the new schema reads the old one, and *forward* compatible
    if the old one reads the new one.

    Args:
        reader: the JSON Schema by which messages are read.
        writer: the JSON Schema by which they are written.
        reader_root: the document in which references of the reader are looked up; by default the
            reader itself.
        writer_root: the same for the writer.

    Returns:
        The findings in the order of the fields; none if everything is read.
    """
    readers = Schemas(reader if reader_root is None else reader_root)
    writers = Schemas(writer if writer_root is None else writer_root)
    failed: frozenset[_Pair] = frozenset()
    while True:
        # Within itself, a schema that contains itself is taken for readable. If it turns out not
        # to be, all that has relied on it is compared again.
        comparison = _Comparison(readers, writers, failed)
        findings = comparison.compare(reader, writer)
        if comparison.failed <= failed:
            break
        failed |= comparison.failed
    told = [*dict.fromkeys(each for each in findings if each != AGAIN and each.what)]
    return told if told or not findings else [Finding((), CANNOT_TELL)]


class _Comparison:
    """One comparison of a reader and a writer.

    Args:
        readers: the document of the reader.
        writers: the document of the writer.
        assumed: the pairs that are known not to be compatible.

    Attributes:
        failed: the pairs that were found not to be compatible, by identity.
    """

    def __init__(self, readers: Schemas, writers: Schemas, assumed: frozenset[_Pair]) -> None:
        self.failed: set[_Pair] = set()
        self._readers = readers
        self._writers = writers
        self._sameness = Sameness(readers, writers)
        self._assumed = assumed
        self._active: set[_Pair] = set()
        self._known: dict[_Pair, list[Finding]] = {}

    def compare(self, reader: Node, writer: Node) -> list[Finding]:
        """Return the findings for a pair of nodes."""
        pair = id(reader), id(writer)
        if pair in self._known:
            return self._known[pair]
        if pair in self._active:
            return [AGAIN] if pair in self._assumed else []
        self._active.add(pair)
        findings = self._compare(reader, writer)
        self._active.remove(pair)
        self._known[pair] = findings
        if any(each.is_error for each in findings):
            self.failed.add(pair)
        return findings

    def _compare(self, reader: Node, writer: Node) -> list[Finding]:
        readable = self._readers.view(reader)
        if readable.says_nothing:
            return []
        branches = self._readers.alternatives(reader)
        if any(map(obscure_words, branches)) and self._sameness.holds(reader, writer):
            return []
        findings: list[Finding] = []
        unread: list[View] = []
        for written in self._writers.alternatives(writer):
            candidates = [each for each in branches if takes(each.kind, written.kind)]
            if written.values is not None:
                findings += self._compare_values(branches, written.values)
            elif candidates:
                findings += closest(self._compare_single(each, written) for each in candidates)
            else:
                unread.append(written)
        if unread:
            what = f"{kinds_text(unread)} written, {kinds_text(branches)} read"
            findings.append(Finding((), what))
        return findings

    def _compare_values(self, branches: Sequence[View], values: Sequence[Any]) -> list[Finding]:
        """Compare values that a writer may write with the branches of a reader."""
        unread = [
            value
            for value in values
            if not any(self._takes_value(branch, value) for branch in branches)
        ]
        if not unread:
            return []
        known = [each for branch in branches for each in branch.values or ()]
        read = f"{values_text(known)} read" if known else "not read"
        return [Finding((), f"{values_text(unread)} written, {read}", is_value=True)]

    def _takes_value(self, branch: View, value: Any) -> bool:
        if not takes(branch.kind, kind_of(value)):
            return False
        keys = branch.keys
        if branch.values is not None:
            if not any(same_value(value, each) for each in branch.values):
                return False
            # What a reader names has the format that it demands.
            keys = {key: each for key, each in keys.items() if key in _CHECKED}
        elif isinstance(value, list | Mapping):
            written = self._writers.outline(value)
            return not any(each.is_error for each in self._compare_single(branch, written))
        return not obscure_words(branch) and not [*value_problems(keys, value)]

    def _compare_single(self, reader: View, writer: View) -> list[Finding]:
        """Compare two views of one type, of which the writer's has no list of values."""
        findings = []
        obscure = obscure_words(reader)
        if "patternProperties" in writer.keys and "properties" in reader.keys:
            obscure |= {"patternProperties"}
        if obscure and not self._say_same(obscure, reader, writer):
            findings.append(Finding((), f"{CANNOT_TELL}: {', '.join(sorted(obscure))}"))
        if reader.values is not None:
            few: Sequence[Any] = _FEW.get(writer.kind, ())
            if not few or not all(self._takes_value(reader, each) for each in few):
                what = f"any {writer.kind} written, {values_text(reader.values)} read"
                return [*findings, Finding((), what, is_value=True)]
        if writer.kind in {"integer", "number"}:
            problems = number_problems(reader.keys, writer.keys)
            findings += [Finding((), each) for each in problems]
        elif writer.kind == "string":
            findings += self._compare_strings(reader.keys, writer.keys)
        elif writer.kind == "array":
            findings += self._compare_arrays(reader.keys, writer.keys)
        elif writer.kind == "object":
            findings += self._compare_objects(reader, writer)
        return findings

    def _compare_strings(
        self, reader: Mapping[str, Any], writer: Mapping[str, Any]
    ) -> Iterator[Finding]:
        for each in string_problems(reader, writer):
            yield Finding((), each)
        if "contentSchema" in reader:
            content = writer.get("contentSchema", True)
            yield from self.compare(reader["contentSchema"], content)

    def _compare_arrays(
        self, reader: Mapping[str, Any], writer: Mapping[str, Any]
    ) -> Iterator[Finding]:
        read, written = reader.get("prefixItems", ()), writer.get("prefixItems", ())
        read_rest, written_rest = reader.get("items", True), writer.get("items", True)
        most = len(written) if written_rest is False else None
        most = writer.get("maxItems", most)
        lengths = writer if most is None else {**writer, "maxItems": most}
        for each in length_problems(reader, lengths, "Items"):
            yield Finding((), each)
        if reader.get("uniqueItems") and not writer.get("uniqueItems") and most not in {0, 1}:
            yield Finding((), "different items read, equal ones written")
        end = max(len(read), len(written))
        for index in range(end if most is None else min(end, most)):
            item = written[index] if index < len(written) else written_rest
            taken = read[index] if index < len(read) else read_rest
            yield from (each.below(f"[{index}]") for each in self._compare_part(taken, item))
        if most is None or most > end:
            findings = self._compare_part(read_rest, written_rest)
            yield from (each.below("[]") for each in findings)

    def _compare_objects(self, reader: View, writer: View) -> Iterator[Finding]:
        read, written = reader.keys.get("properties", {}), writer.keys.get("properties", {})
        read_rest = reader.keys.get("additionalProperties", True)
        # If some fields have a name, others are written only if the schema says so.
        is_open = "properties" not in writer.keys and "patternProperties" not in writer.keys
        written_rest = writer.keys.get("additionalProperties", is_open)
        for group in sorted(reader.groups, key=sorted):
            if not any(each <= group for each in writer.groups):
                is_written = written_rest is not False or not group.isdisjoint(written)
                what = "required, may be missing" if is_written else "required, not written"
                yield Finding((" or ".join(sorted(group)),), what)
        for name in dict.fromkeys([*written, *read]):
            field = written.get(name, written_rest)
            taken = read.get(name, read_rest)
            yield from (each.below(name) for each in self._compare_part(taken, field))
            yield from self._compare_defaults(name, taken, field)
        rests = [written_rest]
        if "patternProperties" not in reader.keys:
            rests += writer.keys.get("patternProperties", {}).values()
        for each in rests:
            findings = self._compare_part(read_rest, each)
            yield from (finding.below("{}") for finding in findings)
        counts = {"minProperties": len(writer.required), **writer.keys}
        if written_rest is False and "patternProperties" not in writer.keys:
            counts.setdefault("maxProperties", len(written))
        for each in length_problems(reader.keys, counts, "Properties"):
            yield Finding((), each)
        if (names := reader.keys.get("propertyNames")) is not None:
            yield from (each.below("{}") for each in self._compare_names(names, writer))

    def _compare_names(self, names: Node, writer: View) -> Iterator[Finding]:
        if writer.keys.get("properties"):
            known = [*writer.keys["properties"]]
            yield from self._compare_values(self._readers.alternatives(names), known)
        if "patternProperties" in writer.keys:
            yield Finding((), f"{CANNOT_TELL}: propertyNames, patternProperties")
        if writer.keys.get("additionalProperties", "properties" not in writer.keys) is not False:
            yield from self.compare(names, writer.keys.get("propertyNames", _STRING))

    def _compare_part(self, reader: Node, writer: Node) -> list[Finding]:
        """Compare a field or an item, which may be neither written nor read."""
        if writer is False:
            return []
        if reader is False:
            return [Finding((), "written, not allowed")]
        return self.compare(reader, writer)

    def _compare_defaults(self, name: str, reader: Node, writer: Node) -> Iterator[Finding]:
        read = self._readers.view(reader).keys
        written = self._writers.view(writer).keys
        if "default" in read and "default" in written:
            ours, theirs = written["default"], read["default"]
            if not same_value(ours, theirs):
                what = f"default {shown(ours)} written, {shown(theirs)} read"
                yield Finding((name,), what, "warning")

    def _say_same(self, words: Iterable[str], reader: View, writer: View) -> bool:
        """Return whether a reader and a writer say the same with some keywords."""
        return all(
            word in reader.keys
            and word in writer.keys
            and self._sameness.holds(reader.keys[word], writer.keys[word])
            for word in words
        )

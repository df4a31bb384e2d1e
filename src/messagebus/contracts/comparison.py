"""Comparison of two contracts: what a change breaks, and whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from .compatibility import reads
from .document import Action, Document, DocumentedMessage
from .finding import Finding, Severity

CompatibilityMode: TypeAlias = Literal["backward", "forward", "full"]

_NOUNS = {"send": "readers", "receive": "writers"}
"""The others, who read what is sent and write what is received."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change that breaks others, or that they should know.

    Attributes:
        message: the type of the message.
        action: whether the application sends or receives it.
        field: the field, such as ``lines[].quantity``; empty for the whole message.
        what: what the change is, from a writer to a reader.
        breaks: whom it breaks: ``old readers``, ``new readers``, ``old writers`` or ``new
            writers``. *Old* and *new* say which contract they follow.
        severity: ``warning`` if everything can be read, but may mean something else.
    """

    message: str
    action: Action
    field: str
    what: str
    breaks: str
    severity: Severity

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return asdict(self)


def compare(old: Document, new: Document, mode: CompatibilityMode = "full") -> list[Change]:
    """Return what is broken by the change from one contract to another.

    Args:
        old: the contract so far.
        new: the contract from now on.
        mode: ``backward`` if who follows the new contract must read what the old one writes,
            ``forward`` if who follows the old one must read what the new one writes, ``full`` for
            both.

    Returns:
        The changes by action and message; none if everything is read.
    """
    changes: dict[Change, None] = {}
    known = {**old.messages, **new.messages}
    for action, name in sorted(known, key=lambda each: (each[0] == "receive", each[1])):
        before, after = old.messages.get((action, name)), new.messages.get((action, name))
        if before is None:
            continue  # a message more breaks nobody
        if after is None:
            found = _removed(action, name, new, mode)
        else:
            found = _changed(action, name, (old, before), (new, after), mode)
        changes |= dict.fromkeys(found)
    return [*changes]


_Side: TypeAlias = tuple[Document, DocumentedMessage]


def _removed(action: Action, name: str, new: Document, mode: CompatibilityMode) -> Iterator[Change]:
    """Yield what it breaks that a message is gone: who reads it, or who still writes it."""
    upcast = any(name in each.upcast_from for key, each in new.messages.items() if key[0] == action)
    if action == "send" and mode != "backward":
        yield Change(name, action, "", "no longer published", "old readers", "error")
    elif action == "receive" and mode != "forward":
        what = "left to an upcaster, which has no schema" if upcast else "no longer consumed"
        severity: Severity = "warning" if upcast else "error"
        yield Change(name, action, "", what, "old writers", severity)


def _changed(
    action: Action, name: str, old: _Side, new: _Side, mode: CompatibilityMode
) -> Iterator[Change]:
    noun = _NOUNS[action]
    other_reads = action == "send"
    if mode != "forward":
        whom = "new readers" if other_reads else "old writers"
        yield from (_change(name, action, each, whom) for each in _findings(new, old))
    if mode != "backward":
        whom = "old readers" if other_reads else "new writers"
        # What moves a default moves it in both directions.
        yield from (
            _change(name, action, each, whom)
            for each in _findings(old, new)
            if each.is_error or mode == "forward"
        )
    before, after = old[1], new[1]
    if before.address is not None and before.address != after.address:
        what = f"{before.address} becomes {after.address or 'unknown'}"
        yield Change(name, action, "address", what, f"old {noun}", "error")
    if before.ordering_key != after.ordering_key:
        what = f"{before.ordering_key or 'none'} becomes {after.ordering_key or 'none'}"
        yield Change(name, action, "ordering key", what, f"old {noun}", "warning")


def _findings(reader: _Side, writer: _Side) -> Iterator[Finding]:
    (reading, read), (writing, written) = reader, writer
    for part in {**read.parts, **written.parts}:
        if part not in read.parts:
            continue
        found = reads(
            read.parts[part],
            written.parts.get(part, {"type": "object", "properties": {}}),
            reader_root=reading.root,
            writer_root=writing.root,
        )
        yield from (each.below(*filter(None, [part])) for each in found)


def _change(name: str, action: Action, finding: Finding, whom: str) -> Change:
    return Change(name, action, finding.field, finding.what, whom, finding.severity)

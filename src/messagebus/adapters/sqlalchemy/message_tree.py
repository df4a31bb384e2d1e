"""The tree of what a message has caused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class CausedMessage:
    """A stored message and its place in the tree, without its payload.

    Attributes:
        depth: the number of messages above it in the tree.
        loose: why a message stands at the top although another one caused it: its cause is
            not stored (``missing``), or has been caused by it (``cycle``); None for all others.
        position: its position in the store.
        message_id: its identifier.
        causation_id: the message whose handling raised it; None for the first of a cascade.
        correlation_id: the first message of the cascade.
        created_at: its creation time, in UTC.
        name: the name of its schema.
        schema_version: the version of its schema.
        kind: ``command`` or ``event``.
        state: the state of its delivery; None if it is not published.
        attempts: the number of attempts to send it.
        reason: the error of the last attempt.
    """

    depth: int
    loose: Literal["missing", "cycle"] | None
    position: int
    message_id: UUID
    causation_id: UUID | None
    correlation_id: UUID
    created_at: datetime
    name: str
    schema_version: int
    kind: str
    state: str | None
    attempts: int
    reason: str | None


class MessageTree(NamedTuple):
    """What a message has caused.

    Attributes:
        messages: the messages; each is followed by all that it caused.
        complete: whether these are all; False if there are more than were asked for.
    """

    messages: Sequence[CausedMessage]
    complete: bool


def columns_of(messages: sa.Table) -> tuple[sa.Column[Any], ...]:
    """Return the columns that a tree needs: those of *CausedMessage*, in its order."""
    names = [name for name in CausedMessage.__dataclass_fields__ if name in messages.c]
    return tuple(messages.c[name] for name in names)


def arrange(rows: Iterable[sa.Row[Any]], top: UUID | None) -> list[CausedMessage]:
    """Return messages as a tree, each with its depth and followed by all that it caused.

    Args:
        rows: the messages of one cascade, in the order of their positions.
        top: the message to begin with; None for all that are not caused by another of the rows.
    """
    by_id = {row.message_id: row for row in rows}
    caused: defaultdict[UUID | None, list[sa.Row[Any]]] = defaultdict(list)
    for row in by_id.values():
        caused[row.causation_id].append(row)
    seen: set[UUID] = set()
    if top is not None:
        return [*_below(by_id[top], None, caused, seen)]
    found: list[CausedMessage] = []
    for row in by_id.values():
        if row.causation_id is None:
            found += _below(row, None, caused, seen)
        elif row.causation_id not in by_id:
            found += _below(row, "missing", caused, seen)
    # What cannot be reached from a top is in a circle, or below one.
    for row in by_id.values():
        if row.message_id not in seen:
            found += _below(row, "cycle", caused, seen)
    return found


def _below(
    top: sa.Row[Any],
    loose: Literal["missing", "cycle"] | None,
    caused: dict[UUID | None, list[sa.Row[Any]]],
    seen: set[UUID],
) -> Iterator[CausedMessage]:
    """Yield a message and all below it that nothing has shown yet."""
    waiting = [(top, 0)]  # no recursion: a chain may be longer than Python's stack
    while waiting:
        row, depth = waiting.pop()
        if row.message_id in seen:
            continue
        seen.add(row.message_id)
        yield CausedMessage(
            depth,
            None if depth else loose,
            **{**row._mapping, "created_at": row.created_at.astimezone(UTC)},
        )
        waiting += [(each, depth + 1) for each in reversed(caused.get(row.message_id, ()))]

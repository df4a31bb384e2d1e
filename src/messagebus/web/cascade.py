"""The tree of what a message has caused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ..adapters.sqlalchemy import StoredMessage


@dataclass(frozen=True, slots=True)
class Branch:
    """A message in the tree, in the order in which lists within lists are written.

    Attributes:
        message: the message.
        opens: whether a list of what it has caused follows.
        closes: how many lists end behind it.
    """

    message: StoredMessage
    opens: bool
    closes: int


def tree_of(messages: Sequence[StoredMessage]) -> Sequence[Branch]:
    """Return the branches of a tree, each followed by those that it has caused.

    A message whose cause is not among them, as in another database, stands at the root.
    """
    known = {message.message_id for message in messages}
    children: dict[UUID | None, list[StoredMessage]] = {}
    for message in messages:
        cause = message.causation_id if message.causation_id in known else None
        children.setdefault(cause, []).append(message)
    # By hand, since a chain may be longer than the stack of Python is deep.
    branches: list[Branch] = []
    waiting = [(message, 0) for message in reversed(children.get(None, ()))]
    while waiting:
        message, closes = waiting.pop()
        below = children.pop(message.message_id, [])
        branches.append(Branch(message, bool(below), 0 if below else closes))
        # The last one below also ends the lists that end behind this one.
        ends = [0] * (len(below) - 1) + [closes + 1]
        waiting += reversed([*zip(below, ends, strict=True)] if below else [])
    return branches

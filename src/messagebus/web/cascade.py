"""A tree as lists within lists, which is how a page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..adapters.sqlalchemy import CausedMessage


@dataclass(frozen=True, slots=True)
class Branch:
    """A message in the tree, in the order in which lists within lists are written.

    Attributes:
        message: the message.
        opens: whether a list of what it has caused follows.
        closes: how many lists end behind it.
    """

    message: CausedMessage
    opens: bool
    closes: int


def branches_of(messages: Sequence[CausedMessage]) -> Sequence[Branch]:
    """Return the messages of a tree with the lists that begin and end behind each."""
    depths = [each.depth for each in messages[1:]] + [0]
    return [
        Branch(each, after > each.depth, max(each.depth - after, 0))
        for each, after in zip(messages, depths, strict=True)
    ]

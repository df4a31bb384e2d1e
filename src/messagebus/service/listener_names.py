"""Names of the listeners of a message, by which its dead letters tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .._compat.callables import describe, unwrap_partial
from .._routing.router import L, Match


def named(matches: Iterable[Match[L]]) -> Iterator[tuple[str, Match[L]]]:
    """Yield each listener of a message with a name, the same one in every process.

    It is the module and the qualified name, of an object those of its class. Listeners that share
    a name, such as the methods of two objects, are numbered in calling order, from ``#2`` on.
    """
    known: Counter[str] = Counter()
    for match in matches:
        listener: Any = match.listener
        inner = unwrap_partial(listener.function)
        name = describe(inner if hasattr(inner, "__qualname__") else type(inner))
        known[name] += 1
        yield (name if known[name] == 1 else f"{name}#{known[name]}"), match

"""The cards of a map: what is written about each message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from unicodedata import combining, east_asian_width

from ..description import DescribedListener, DescribedMessage, Description
from ..serialization.wire import wire_type

Style = Literal["title", "name", "published", "listener", "needs", "warning"]

_WIDEST = 44
"""The most columns of a line on a card."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is written about a message.

    Attributes:
        path: the module and name of its class.
        kind: ``command`` or ``event``.
        is_published: whether it goes to the eventstream.
        lines: what is written, each line with its style.
        details: what is not shortened.
    """

    path: str
    kind: Literal["command", "event"]
    is_published: bool
    lines: Sequence[tuple[Style, str]]
    details: str


@dataclass(frozen=True, slots=True)
class Map:
    """The cards of a bus, and the lines between them.

    Attributes:
        cards: a card for each message.
        edges: the paths of two messages, of which a listener of the first may raise the second.
        place: the module, or the package, of all listeners; None if they have none in common.
    """

    cards: Sequence[Card]
    edges: Sequence[tuple[str, str]]
    place: str | None


def map_of(description: Description) -> Map:
    """Return the map of a bus."""
    listeners = {each.name: each for each in description.listeners}
    place = _common_place(listeners)
    titles = description.titles
    edges = {
        (message.path, raised)
        for message in description.messages
        for name in message.listeners
        for raised in listeners[name].raises
    }
    cards = []
    for message in description.messages:
        hearing = [listeners[name] for name in message.listeners]
        lines = [
            (style, shorten(text))
            for style, text in _lines(message, titles[message.path], hearing, place)
        ]
        details = "\n".join(filter(None, (message.path, message.doc, *map(_detail, hearing))))
        cards.append(Card(message.path, message.kind, message.published, lines, details))
    return Map(cards, sorted(edges), place)


def columns(text: str) -> int:
    """Return how many columns a text takes where all letters are of one width."""
    return sum(
        0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text
    )


def printable(text: str) -> str:
    """Return a text on one line, with an escape for each character that is not visible."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def shorten(text: str) -> str:
    """Return a text of at most the columns of a card; its middle is left out."""
    text = printable(text)
    if columns(text) <= _WIDEST:
        return text
    start, end = text, ""
    half = _WIDEST // 2
    while columns(start) > half - 1:
        start = start[:-1]
    for each in reversed(text):
        if columns(each + end) > half:
            break
        end = each + end
    return f"{start}…{end}"


def _lines(
    message: DescribedMessage,
    title: str,
    listeners: Sequence[DescribedListener],
    place: str | None,
) -> Iterator[tuple[Style, str]]:
    """Yield what is written about a message."""
    yield "title", title
    if message.name is None or message.schema_version is None:
        yield "name", "each has its own metadata"
    elif message.published:
        yield "published", f"published as {wire_type(message.name, message.schema_version)}"
    else:
        yield "name", wire_type(message.name, message.schema_version)
    if not listeners:
        yield (
            "warning" if message.kind == "command" else "name",
            ("no handler" if message.kind == "command" else "no listener"),
        )
    for listener in listeners:
        short = f"▸ {listener.name.removeprefix(f'{place}.') if place else listener.name}"
        yield "listener", short if listener.consumer is None else f"{short} (consumer)"
        if listener.dependencies is None:
            yield "needs", "  dependencies unknown"
        elif listener.dependencies:
            for each in _wrapped(each.title for each in listener.dependencies):
                yield "needs", f"  {each}"


def _wrapped(names: Iterable[str]) -> Iterator[str]:
    """Yield lines that have all names."""
    line = "needs"
    for index, name in enumerate(names):
        word = f"{'' if index == 0 else ','} {name}"
        if columns(line + word) > _WIDEST - 3 and line != "needs":
            yield f"{line},"
            line = name
        else:
            line += word
    yield line


def _detail(listener: DescribedListener) -> str:
    """Return a listener and what it depends on, with their modules."""
    needs = ", ".join(
        each.parameter if each.provider is None else f"{each.parameter} = {each.provider}"
        for each in listener.dependencies or ()
    )
    return f"{listener.name}({needs})"


def _common_place(names: Iterable[str]) -> str | None:
    """Return the longest dotted prefix of all names that leaves a part of each."""
    split = [name.split(".")[:-1] for name in names]
    common: list[str] = []
    for parts in zip(*split, strict=False):
        if len({*parts}) > 1:
            break
        common.append(parts[0])
    return ".".join(common) or None

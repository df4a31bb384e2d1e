"""The drawing of a map as text for Mermaid, which code forges and many editors render."""

from __future__ import annotations

from ..description import Description
from .cards import map_of

_SPECIAL = {each: f"#{ord(each)};" for each in "#&<>\"'`\\%{}"}
_STYLES = """\
    classDef command fill:#e8f0fe,stroke:#3367b0,color:#1a1a1a
    classDef event fill:#eef7ee,stroke:#3f8a45,color:#1a1a1a
    classDef published stroke:#d06a00,stroke-width:2.5px"""


def to_mermaid(description: Description) -> str:
    """Return the map of a bus as a flowchart for Mermaid.

    A box is a message, with its listeners and their dependencies. A line leads from a message to
    each that its listeners may raise.

    Args:
        description: the bus.
    """
    found = map_of(description)
    lines = ["flowchart TD"]
    names = {card.path: f"m{number}" for number, card in enumerate(found.cards)}
    for card in found.cards:
        (_, title), *rest = card.lines
        label = "<br/>".join([f"<b>{_escape(title)}</b>", *(_escape(text) for _, text in rest)])
        lines.append(f'    {names[card.path]}["{label}"]:::{card.kind}')
        if card.is_published:
            lines.append(f"    class {names[card.path]} published")
    lines += (f"    {names[source]} --> {names[target]}" for source, target in found.edges)
    return "\n".join([*lines, _STYLES, ""])


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(each, each) for each in text.strip())

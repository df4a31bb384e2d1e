"""The drawing of the map of a bus: as SVG, and as text for Mermaid."""

from __future__ import annotations

from .mermaid import to_mermaid
from .svg import to_svg

__all__ = ["to_mermaid", "to_svg"]

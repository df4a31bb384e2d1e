"""The map of a bus: its messages, who hears them, and what that leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..description import Description, describe
from ..description.reading import AnyBus
from ..drawing import to_svg
from .site import Site


class MapPage:
    """The page of the map.

    Args:
        site: what all pages share.
        bus: the bus that it describes.
    """

    def __init__(self, site: Site, bus: AnyBus) -> None:
        self._site = site
        self._bus = bus

    def routes(self) -> Iterator[Route]:
        """Yield the route."""
        yield Route("/map", self.show, name="map")

    async def show(self, request: Request) -> Response:
        """Show the messages of the bus as a drawing, and as a table."""
        # Reading the code of all listeners takes a while, during which others need not wait.
        description, drawing = await asyncio.to_thread(self._draw)
        return self._site.page(
            request,
            "map",
            messages=description.messages,
            titles=description.titles,
            listeners={each.name: each for each in description.listeners},
            drawing=drawing,
        )

    def _draw(self) -> tuple[Description, str]:
        description = describe(self._bus)
        return description, to_svg(description)

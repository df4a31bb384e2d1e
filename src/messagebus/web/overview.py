"""The first page: what waits, who sends, and what was lately stored and sent."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..adapters.sqlalchemy import AsyncOutbox
from .plots import HEIGHT, WIDTH, plots_of
from .queries import letters_of_consumers, recent_traffic
from .site import Site


class Overview:
    """The first page.

    Args:
        site: what all pages share.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._outbox = AsyncOutbox(site.engine, tables=site.tables)

    def routes(self) -> Iterator[Route]:
        """Yield the route."""
        yield Route("/", self.show, name="overview")

    async def show(self, request: Request) -> Response:
        """Show the state of the outbox, of its relay and of the dead letters."""
        engine, tables = self._site.engine, self._site.tables
        return self._site.page(
            request,
            "overview",
            backlog=await self._outbox.backlog(),
            leader=await self._outbox.leader(),
            consumers=await letters_of_consumers(engine, tables),
            plots=plots_of(await recent_traffic(engine, tables)),
            width=WIDTH,
            height=HEIGHT,
        )

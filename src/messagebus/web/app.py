"""The page as an ASGI application."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ..adapters.sqlalchemy import (
    AsyncDeadLetters,
    AsyncOutbox,
    AsyncSQLAlchemyUnitOfWork,
    OutboxTables,
)
from ..adapters.sqlalchemy import (
    tables as default_tables,
)
from ..description.reading import AnyBus
from ..exceptions import ConfigurationError, MessageBusError
from ..serialization.deserializer import AbstractMessageDeserializer
from ..service._async.registry import AsyncMessageBus
from .forms import FormTokens
from .guard import LOOPBACK, Authorize, Guard
from .letter_pages import LetterPages
from .map_page import MapPage
from .message_pages import MessagePages
from .overview import Overview
from .site import Site

_STATIC = Path(__file__).parent / "static"


def create_app(
    engine: AsyncEngine,
    *,
    authorize: Authorize | None = None,
    tables: OutboxTables = default_tables,
    bus: AnyBus | None = None,
    unit_of_work: Callable[[], AsyncSQLAlchemyUnitOfWork[Any]] | None = None,
    deserializer: AbstractMessageDeserializer | None = None,
    dependencies: Mapping[str, Any] | None = None,
    hosts: Collection[str] = LOOPBACK,
    secret: bytes | None = None,
) -> Starlette:
    """Create the page, to be served or to be mounted under a prefix.

    Args:
        engine: connects to the database. Whoever made it disposes of it.
        authorize: returns the name of the user who sends a request, or None to refuse it. Without
            it, every request is refused.
        tables: the tables of the outbox and of the dead letters.
        bus: its map is shown; and it handles dead letters that are replayed, if there is a
            *unit_of_work*.
        unit_of_work: creates the unit of work for each of them, in the same database. Without it,
            the page replays none.
        deserializer: reads them; by default one for the classes that *bus* knows.
        dependencies: what listeners ask for by name, as for *handle*.
        hosts: the names under which browsers may reach the page, without a port.
        secret: signs the tokens of forms. By default it is random; several processes that serve
            one page need the same.

    Raises:
        ConfigurationError: *unit_of_work* is given without an asynchronous *bus*.
    """
    letters = AsyncDeadLetters(engine, tables=tables)
    replay = None
    if unit_of_work is not None:
        if not isinstance(bus, AsyncMessageBus):
            text = "A unit of work replays dead letters with an asynchronous bus, which is missing"
            raise ConfigurationError(text, advice="Pass an AsyncMessageBus as bus=.")
        replay = partial(
            letters.replay,
            bus,
            unit_of_work,
            deserializer=deserializer,
            dependencies=dependencies,
        )
    tokens = FormTokens(secret or secrets.token_bytes(32))
    site = Site(engine, tables, tokens, has_map=bus is not None)
    pages: list[Overview | MessagePages | LetterPages | MapPage] = [
        Overview(site),
        MessagePages(site, AsyncOutbox(engine, tables=tables)),
        LetterPages(site, letters, replay),
    ]
    if bus is not None:
        pages.append(MapPage(site, bus))
    return Starlette(
        routes=[
            *(route for each in pages for route in each.routes()),
            Mount("/static", StaticFiles(directory=_STATIC), name="static"),
        ],
        middleware=[Middleware(Guard, authorize=authorize, hosts=hosts, site=site)],
        exception_handlers={
            HTTPException: site.show_refusal,
            MessageBusError: site.show_mistake,
            SQLAlchemyError: site.show_outage,
            ConnectionError: site.show_outage,
            Exception: site.show_failure,
        },
    )

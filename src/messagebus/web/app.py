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
from ..exceptions import ConfigurationError, MessageBusError
from ..serialization.deserializer import AbstractMessageDeserializer
from ..service._async.registry import AsyncMessageBus
from .forms import FormTokens
from .guard import LOOPBACK, Authorize, Guard
from .letter_pages import LetterPages
from .message_pages import MessagePages
from .overview import Overview
from .site import Site

_STATIC = Path(__file__).parent / "static"


def create_app(
    engine: AsyncEngine,
    *,
    authorize: Authorize | None = None,
    tables: OutboxTables = default_tables,
    bus: AsyncMessageBus[Any] | None = None,
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
        bus: handles dead letters that are replayed; without it, the page replays none.
        unit_of_work: creates the unit of work for each of them, in the same database.
        deserializer: reads them; by default one for the classes that *bus* knows.
        dependencies: what listeners ask for by name, as for *handle*.
        hosts: the names under which browsers may reach the page, without a port.
        secret: signs the tokens of forms. By default it is random; several processes that serve
            one page need the same.

    Raises:
        ConfigurationError: only one of *bus* and *unit_of_work* is given.
    """
    if (bus is None) is not (unit_of_work is None):
        text = "Dead letters are replayed with a bus and a unit of work, and one is missing"
        raise ConfigurationError(text, advice="Pass both bus= and unit_of_work=, or neither.")
    letters = AsyncDeadLetters(engine, tables=tables)
    replay = None
    if bus is not None and unit_of_work is not None:
        replay = partial(
            letters.replay,
            bus,
            unit_of_work,
            deserializer=deserializer,
            dependencies=dependencies,
        )
    site = Site(engine, tables, FormTokens(secret or secrets.token_bytes(32)))
    pages = (
        Overview(site),
        MessagePages(site, AsyncOutbox(engine, tables=tables)),
        LetterPages(site, letters, replay),
    )
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

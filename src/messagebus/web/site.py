"""The parts that all pages share: templates, paths, tokens, and the display of problems."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..adapters.sqlalchemy import OutboxTables
from . import display
from .forms import NO_FORM, Form, FormTokens

log: logging.Logger = logging.getLogger("messagebus.web")

_AREAS = (
    ("overview", "Overview"),
    ("messages", "Outbox"),
    ("letters", "Dead letters"),
    ("map", "Map"),
)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With no-referrer, browsers would send forms without their origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""The headers of every response."""


@dataclass(frozen=True)
class Visit:
    """A request that the guard has let pass.

    Attributes:
        user: who sends it.
        prefix: the path under which the page is mounted.
        form: the fields of its form, whose token is checked; those of a GET are never read.
    """

    user: str
    prefix: str
    form: Form


class Site:
    """The database that the pages are about, and the means to answer a request.

    Args:
        engine: connects to the database.
        tables: the tables.
        tokens: signs the forms.
        has_map: whether there is a page with the map of a bus.
    """

    def __init__(
        self, engine: AsyncEngine, tables: OutboxTables, tokens: FormTokens, *, has_map: bool
    ) -> None:
        self.engine = engine
        self.tables = tables
        self.tokens = tokens
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(display.FILTERS)
        self._templates.globals["database"] = display.name_of(engine.url)
        self._templates.globals["areas"] = _AREAS if has_map else _AREAS[:-1]

    def page(
        self, request: Request, template: str, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """Return a page.

        Args:
            request: what it answers.
            template: its name without the suffix.
            status: the status of the response.
            context: what the template shows.
        """
        user = visit_of(request).user
        html = self._templates.get_template(f"{template}.html").render(
            context,
            user=user,
            form_token=self.tokens.new(user) if user else "",
            path=partial(path_of, request),
        )
        return HTMLResponse(html, status, HEADERS)

    def show_refusal(self, request: Request, error: Exception) -> Response:
        """Show why a request is refused."""
        status = getattr(error, "status_code", 500)
        text = getattr(error, "detail", str(error))
        response = self._problem(request, status, text)
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    def show_mistake(self, request: Request, error: Exception) -> Response:
        """Show an error of this package, such as a unit of work of another database."""
        return self._problem(request, 409, str(error), *getattr(error, "__notes__", ()))

    def show_outage(self, request: Request, error: Exception) -> Response:
        """Show that the database does not answer, and log why."""
        log.warning("the database does not answer: %s", error, extra={"event": "web.outage"})
        text = "The database does not answer, or refuses. The log of this page says why."
        return self._problem(request, 503, text, type(getattr(error, "orig", error)).__name__)

    def show_failure(self, request: Request, error: Exception) -> Response:
        """Show that there is an error, which the server logs."""
        text = "Something went wrong that should not. The log of this page says what."
        return self._problem(request, 500, text, type(error).__name__)

    def _problem(self, request: Request, status: int, *lines: str) -> Response:
        title = f"{status} {HTTPStatus(status).phrase}"
        return self.page(request, "problem", status, title=title, lines=lines)


def visit_of(request: Request) -> Visit:
    """Return what the guard knows of a request."""
    visit: Visit | None = request.scope.get("messagebus.web")
    return visit or Visit("", request.scope.get("root_path", ""), NO_FORM)


def path_of(
    request: Request, name: str, query: Mapping[str, object] | None = None, /, **parts: object
) -> str:
    """Return the path of a page, below the prefix under which this one is mounted.

    Args:
        request: the request that the path is for.
        name: the name of the route.
        query: what follows the question mark; empty values are left out.
        parts: the values in the path.
    """
    path = request.app.url_path_for(name, **parts)
    given = {key: value for key, value in (query or {}).items() if value not in (None, "")}
    return f"{visit_of(request).prefix}{path}{'?' if given else ''}{urlencode(given)}"


def go_to(
    request: Request, name: str, query: Mapping[str, object] | None = None, **parts: object
) -> RedirectResponse:
    """Return a response that leads to a page, which the browser then gets."""
    return RedirectResponse(path_of(request, name, query, **parts), 303)


def missing(what: str, key: object = "") -> NoReturn:
    """Refuse a request for something that is not there.

    Raises:
        HTTPException: always.
    """
    raise HTTPException(404, f"There is no {what} {key}. It may be gone meanwhile.")

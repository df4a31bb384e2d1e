"""The guard, which every request passes: who asks, under which name, and with which form."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..exceptions import ConfigurationError
from .forms import NO_FORM, read_form
from .site import HEADERS, Site, Visit

Authorize: TypeAlias = Callable[[Request], str | Awaitable[str | None] | None]
"""Returns the name of the user who sends a request, or None to refuse it."""

LOOPBACK: Collection[str] = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine for itself."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?")
_PATIENCE = 15.0  # seconds for a page; an action may take longer


class Guard:
    """Refuses requests before any page sees them, and sets the headers of every response.

    Args:
        app: what it guards.
        authorize: returns the name of the user; None refuses everybody.
        hosts: the names under which the page may be reached.
        site: shows what is refused, and knows the tokens of forms.
    """

    def __init__(
        self, app: ASGIApp, authorize: Authorize | None, hosts: Collection[str], site: Site
    ) -> None:
        self._app = app
        self._authorize = authorize
        self._hosts = {each.lower() for each in hosts}
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a refusal."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        request = Request(scope, receive)
        try:
            scope["messagebus.web"] = await self._admit(request)
            if request.method == "POST":
                await self._app(scope, receive, send_guarded)
            else:
                async with asyncio.timeout(_PATIENCE):
                    await self._app(scope, receive, send_guarded)
        except HTTPException as error:
            await self._site.show_refusal(request, error)(scope, receive, send_guarded)
        except TimeoutError as error:
            await self._site.show_outage(request, error)(scope, receive, send_guarded)

    async def _admit(self, request: Request) -> Visit:
        """Return who asks for what.

        Raises:
            HTTPException: the request is refused.
        """
        host = self._host(request)
        user = await self._user(request)
        prefix = request.scope.get("root_path", "")
        if request.method != "POST":
            return Visit(user, prefix, NO_FORM)
        self._check_origin(request, host)
        form = await read_form(request)
        if not self._site.tokens.accepts(form.get("form_token"), user):
            text = "The form was not made by this page for you, or is too old"
            raise HTTPException(403, f"{text}. Load the page again, and repeat what you did.")
        return Visit(user, prefix, form)

    def _host(self, request: Request) -> str:
        """Return the host that the browser means: a foreign name may lead here, too."""
        given = request.headers.getlist("host")
        found = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if found is None or found[1] not in self._hosts:
            text = "This page is not served under the name by which you reach it"
            raise HTTPException(400, f"{text}. Whoever serves it can add the name to hosts.")
        return found[0]

    async def _user(self, request: Request) -> str:
        if self._authorize is None:
            text = "Nobody may see this page: it was made without authorize"
            raise HTTPException(403, text)
        user: Any = self._authorize(request)
        if inspect.isawaitable(user):
            user = await user
        if user is not None and not isinstance(user, str):
            text = f"authorize must return the name of the user or None, not {type(user).__name__}"
            raise ConfigurationError(text)
        if not user:
            raise HTTPException(403, "You may not see this page")
        return user

    @staticmethod
    def _check_origin(request: Request, host: str) -> None:
        """Refuse a form of another page; a program that is no browser sends no origin."""
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if site != "same-origin" or (
            origin is not None and urlsplit(origin).netloc.lower() != host
        ):
            raise HTTPException(403, "The form comes from another page")

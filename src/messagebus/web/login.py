"""The login of a page that only this machine serves: a link that works once, then a cookie."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .site import HEADERS

_USER = "you"


class OneTimeLogin:
    """Admits the browser that opens a link with a token, as long as the process lives.

    Args:
        cookie: the name of the cookie. Cookies do not know ports, so it should differ for each.
    """

    def __init__(self, cookie: str) -> None:
        self._cookie = cookie
        self._token: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)

    @property
    def query(self) -> str:
        """The end of the link; empty once somebody has used it."""
        return f"?{urlencode({'token': self._token})}" if self._token else ""

    def authorize(self, request: Request) -> str | None:
        """Return the user of a request with the cookie."""
        return _USER if _equal(request.cookies.get(self._cookie), self._session) else None

    def guarding(self, app: ASGIApp) -> ASGIApp:
        """Return an application that accepts the token in front of another one."""

        async def login(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope) if scope["type"] == "http" else None
            if request is None or not _equal(request.query_params.get("token"), self._token):
                await app(scope, receive, send)
                return
            self._token = None
            # Without the token, which would else stay in the history of the browser.
            response = RedirectResponse("/", 303, HEADERS)
            response.set_cookie(self._cookie, self._session, httponly=True, samesite="lax")
            await response(scope, receive, send)

        return login


def _equal(given: str | None, expected: str | None) -> bool:
    if given is None or expected is None:
        return False
    return hmac.compare_digest(given.encode(), expected.encode())

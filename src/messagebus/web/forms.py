"""Forms: how they are read, and the tokens that show that this page made them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from time import time
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

_LIFETIME = 8 * 3600  # seconds
_LARGEST = 16 * 2**20  # bytes
_MOST_FIELDS = 1_000
_TYPE = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form.

    Args:
        fields: the values of each.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def get(self, name: str) -> str:
        """Return the first value of a field; an empty string if it has none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> Sequence[str]:
        """Return the values of a field."""
        return self._fields.get(name, ())


NO_FORM = Form({})
"""The form of a request without one."""


async def read_form(request: Request) -> Form:
    """Read the form of a request.

    Raises:
        HTTPException: it is no form, or too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, "An action takes the fields of a form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(413, "The form is too large")
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise HTTPException(400, "The form cannot be read") from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


class FormTokens:
    """Signs forms for one user and for some hours, so that no other page can send them.

    Args:
        secret: the key of the signatures.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new(self, user: str) -> str:
        """Return a token for the forms of a user."""
        end = str(int(time()) + _LIFETIME)
        return f"{end}.{self._sign(end, user)}"

    def accepts(self, token: str, user: str) -> bool:
        """Return whether a token was made for the forms of a user, not too long ago."""
        end, _, signature = token.partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._sign(end, user).encode())
        return is_ours and int(end) >= time()

    def _sign(self, end: str, user: str) -> str:
        return hmac.new(self._secret, f"{end}|{user}".encode(), "sha256").hexdigest()

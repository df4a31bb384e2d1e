"""The URLs of NATS servers, with what they say about the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..._urls import ensure_encoded
from ...exceptions import ConfigurationError


class Server(NamedTuple):
    """A server, and how to log in to it.

    Attributes:
        url: the URL without a user.
        login: the arguments of *nats.connect* that come from the user in the URL, decoded: *user*
            and *password*, or *token*. The client itself does not decode them.
    """

    url: str
    login: Mapping[str, str]


def read_servers(urls: str | Sequence[str]) -> list[Server]:
    """Read the URL of a server, or the URLs of several.

    Raises:
        ConfigurationError: there is none, one has no host, or its password is not percent-encoded.
    """
    servers = [_read(url) for url in ([urls] if isinstance(urls, str) else urls)]
    if not servers:
        problem = "NATS needs the URL of a server"
        raise ConfigurationError(problem)
    return servers


def _read(url: str) -> Server:
    url = url if "://" in url else f"nats://{url}"
    ensure_encoded(url)
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    if not parts.hostname:
        problem = "A URL of NATS names no host: nats://host:4222?stream=EVENTS&subject=events"
        raise ConfigurationError(problem)
    name, colon, password = user.partition(":")
    login: dict[str, str] = {}
    if colon:
        login = {"user": unquote(name), "password": unquote(password)}
    elif name:
        login = {"token": unquote(name)}
    return Server(f"{parts.scheme}://{host}", login)

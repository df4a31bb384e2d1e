"""URLs with a user and a password, checked before anything connects.

A password that is not percent-encoded moves into another part of the URL, and from there into
errors and logs. The check refuses every URL that could be read in two ways.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .exceptions import ConfigurationError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*):")
_AUTHORITY = re.compile(r"//([^/?#]*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(
    r"(?:\[[0-9A-Za-z:.%]+\]|(?:%[0-9A-Fa-f]{2}|[^\s:@%\[\]<>\"\\^`{|}])*)(?::(\d{0,5}))?"
)
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LARGEST_PORT = 65_535
_WITH_PATHS_OF_FILES = frozenset({"sqlite", "unix"})
_ADVICE = (
    "Percent-encode the user and the password, with urllib.parse.quote(password, safe=''): "
    "%40 for @, %23 for #, %2F for /, %3F for ?, %25 for %. Encode an @ in a path or an option as "
    "well."
)


def ensure_encoded(url: str) -> None:
    """Ensure that a URL can be read in one way only, so that its password is where it should be.

    The authority may name several servers, separated by commas, each with a user of its own.

    Args:
        url: the URL of a database or of a transport.

    Raises:
        ConfigurationError: the URL is not valid, or user and password are not percent-encoded. The
            text has no part of the URL.
    """
    problem = _problem_of(url)
    if problem is None:
        try:
            urlsplit(url)
        except ValueError:  # its text has the host, or more
            problem = "The URL is not valid"
    if problem is not None:
        raise ConfigurationError(problem, advice=_ADVICE)


def _problem_of(url: str) -> str | None:
    if _CONTROL.search(url):
        return "The URL contains a control character, such as the end of a line"
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "The URL has no scheme before its user" if "@" in url else None
    authority = _AUTHORITY.match(url, scheme.end())
    end = authority.end() if authority else scheme.end()
    servers = authority[1] if authority else ""
    is_path = not servers and scheme[1].lower().partition("+")[0] in _WITH_PATHS_OF_FILES
    if "@" in url[end:] and not is_path:
        return "The URL has an @ behind its host: the password is not percent-encoded"
    return _problem_of_servers(servers.split(","))


def _problem_of_servers(servers: list[str]) -> str | None:
    anonymous = False
    for server in servers:
        user, at, host = server.rpartition("@")
        if "@" in user or re.search(r"\s", user):
            return "The user or the password in the URL is not percent-encoded"
        if _STRAY_PERCENT.search(user):
            return "The user or the password in the URL has a % that encodes nothing"
        if at and anonymous:
            return "A user follows a server without one: a comma in a password must be %2C"
        found = _HOST.fullmatch(host)
        if found is None or int(found[1] or 0) > _LARGEST_PORT:
            return "The host or the port in the URL is not valid, or the password is not encoded"
        anonymous = anonymous or not at
    return None

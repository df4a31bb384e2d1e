"""The options in the URL of a database, checked before anything connects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..exceptions import ConfigurationError

Check = Callable[[str], object]
"""Converts a value, or raises a ValueError that says what the value must be."""

_LARGEST = 2**31 - 1
_LAST_PORT = 65_535
_REPEATABLE = {"host", "port"}  # each value is another server


def checked(text: str, database: str, known: Mapping[str, Check]) -> dict[str, object]:
    """Return the options in the query of a URL, converted.

    Args:
        text: the URL.
        database: the kind of database, for errors.
        known: the function that checks the value, for each option.

    Raises:
        ConfigurationError: an option is unknown, given twice, or has a wrong value. The text has
            no value: it may be a password.
    """
    options: dict[str, object] = {}
    pairs = parse_qsl(text.partition("?")[2], keep_blank_values=True, separator="&")
    for name, value in pairs:
        if name not in known:
            # A password with a question mark ends up here.
            which = "such option" if "@" in name else f"option {name!r}"
            problem = f"A URL for {database} has no {which}"
            raise ConfigurationError(problem, advice="Correct its name, or leave it out.")
        if name in options and name not in _REPEATABLE:
            problem = f"The URL of the database has the option {name} twice"
            raise ConfigurationError(problem)
        try:
            options[name] = known[name](value)
        except ValueError as error:
            problem = f"The option {name} in the URL of the database must be {error}"
            raise ConfigurationError(problem) from None
    return options


def _text(value: str) -> str:
    return value


def _whole(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 11 and int(value) <= _LARGEST):
        problem = "a whole number"
        raise ValueError(problem)
    return int(value)


def _ports(value: str) -> str:
    for each in value.split(","):
        if _whole(each) > _LAST_PORT:
            problem = f"a number up to {_LAST_PORT}"
            raise ValueError(problem)
    return value


def _threshold(value: str) -> int | None:
    if value.lower() == "none":
        return None
    try:
        return _whole(value)
    except ValueError:
        problem = "a whole number, or None to prepare no statements"
        raise ValueError(problem) from None


def _truth(value: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if value.lower() not in words:
        problem = "true or false"
        raise ValueError(problem)
    return words[value.lower()]


def _one_of(*choices: str) -> Check:
    def check(value: str) -> str:
        if value not in choices:
            problem = f"one of {', '.join(choices)}"
            raise ValueError(problem)
        return value

    return check


_TEXTS = """
    application_name channel_binding client_encoding dbname fallback_application_name gssdelegation
    gsslib host hostaddr krbsrvname max_protocol_version min_protocol_version oauth_client_id
    oauth_client_secret oauth_issuer oauth_scope options passfile password require_auth
    requirepeer scram_client_key scram_server_key service ssl_max_protocol_version
    ssl_min_protocol_version sslcert sslcertmode sslcrl sslcrldir sslkey sslkeylogfile
    sslnegotiation sslpassword sslrootcert user
""".split()  # noqa: SIM905
_NUMBERS = """
    connect_timeout keepalives keepalives_count keepalives_idle keepalives_interval sslcompression
    sslsni tcp_user_timeout
""".split()  # noqa: SIM905

POSTGRES: dict[str, Check] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_NUMBERS, _whole),
    "channel_binding": _one_of("disable", "prefer", "require"),
    "gssencmode": _one_of("disable", "prefer", "require"),
    "load_balance_hosts": _one_of("disable", "random"),
    "port": _ports,
    "prepare_threshold": _threshold,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": _one_of(
        "any", "read-write", "read-only", "primary", "standby", "prefer-standby"
    ),
}
"""The options of libpq, and *prepare_threshold* of psycopg."""

SQLITE: dict[str, Check] = {
    "uri": _truth,
    "cache": _one_of("private", "shared"),
    "immutable": _truth,
    "mode": _one_of("ro", "rw", "rwc", "memory"),
    "modeof": _text,
    "nolock": _truth,
    "psow": _truth,
    "vfs": _text,
}
"""The options of SQLite's own URIs, which *uri* turns on."""


def arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the driver takes as an argument, not as part of the URL."""
    return {name: options[name] for name in ("prepare_threshold",) if name in options}

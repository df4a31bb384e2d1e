"""The options in the URL of a transport to Redis or of a source, and those of the client."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ...exceptions import ConfigurationError
from ...inbox.capability import SourceCapability
from .._transport.options import Kinds, split_options, truth


def _protocol(text: str) -> int:
    if text not in {"2", "3"}:
        problem = f"{text!r} is neither 2 nor 3"
        raise ValueError(problem)
    return int(text)


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        problem = f"{number} is less than 0"
        raise ValueError(problem)
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        problem = f"{number} is less than 1"
        raise ValueError(problem)
    return number


def _requirement(text: str) -> str:
    if text not in {"none", "optional", "required"}:
        problem = f"{text!r} is none of none, optional and required"
        raise ValueError(problem)
    return text


TRANSPORT: Kinds = {
    "stream": str,
    "create": truth,
    "deduplicate_for": float,
    "max_length": int,
    "max_age": float,
    "partitions": int,
    "patience": float,
    "timeout": float,
}
SOURCE: Kinds = {
    "stream": str,
    "create": truth,
    "partitions": int,
    "ordered": truth,
    "hold": float,
    "timeout": float,
}
_COMMON = frozenset(
    {
        SourceCapability.HISTORY,
        SourceCapability.OUTAGES,
        SourceCapability.REDELIVERED,
        SourceCapability.SEPARATE,
    }
)
ORDERED = _COMMON | {SourceCapability.LEASED, SourceCapability.ORDER}
COMPETING = _COMMON | {SourceCapability.DELAY}
_CLIENT: Kinds = {
    "client_name": str,
    "db": _natural,
    "health_check_interval": _natural,
    "max_connections": _positive,
    "password": str,
    "protocol": _protocol,
    "username": str,
}
_TCP: Kinds = {"socket_keepalive": truth}
_TLS: Kinds = {
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_cert_reqs": _requirement,
    "ssl_certfile": str,
    "ssl_check_hostname": truth,
    "ssl_keyfile": str,
    "ssl_password": str,
}
_OF_SCHEME: dict[str, Kinds] = {
    "redis": {**_CLIENT, **_TCP},
    "rediss": {**_CLIENT, **_TCP, **_TLS},
    "unix": _CLIENT,
}


def read_url(url: str, own: Kinds) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Read a URL.

    Args:
        url: the URL.
        own: the options of the transport or the source.

    Returns:
        The address of the server, the options in *own*, and those of the client.

    Raises:
        ConfigurationError: the address is not that of a server, an option is unknown or has a wrong
            value, or the password is not percent-encoded.
    """
    kinds = _OF_SCHEME.get(url.partition(":")[0].lower(), {})
    address, options = split_options(url, {**own, **kinds})
    parts = urlsplit(address)
    if parts.scheme not in _OF_SCHEME or "://" not in address:
        problem = f"A URL of Redis begins with {'://, '.join(_OF_SCHEME)}://"
        raise ConfigurationError(problem)
    if parts.scheme == "unix":
        if parts.path in {"", "/"}:
            problem = "The URL names no socket: unix:///run/redis.sock?stream=events"
            raise ConfigurationError(problem)
    elif not parts.hostname:
        problem = "The URL names no host: redis://host:6379/0?stream=events"
        raise ConfigurationError(problem)
    elif not parts.path.strip("/").isdigit() and parts.path not in {"", "/"}:
        problem = "What follows the host in the URL must be the number of a database, such as /0"
        raise ConfigurationError(problem)
    settings = {name: options.pop(name) for name in kinds if name in options}
    return address, options, settings

"""The options in the URL of a Redis transport, and those of its client."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ...exceptions import ConfigurationError
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


_TRANSPORT: Kinds = {
    "stream": str,
    "create": truth,
    "deduplicate_for": float,
    "max_length": int,
    "max_age": float,
    "patience": float,
    "timeout": float,
}
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


def read_url(url: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Read a URL.

    Returns:
        The address of the server, the options of the transport and those of its client.

    Raises:
        ConfigurationError: the address is not that of a server, an option is unknown or has a wrong
            value, or the password is not percent-encoded.
    """
    kinds = _OF_SCHEME.get(url.partition(":")[0].lower(), {})
    address, options = split_options(url, {**_TRANSPORT, **kinds})
    parts = urlsplit(address)
    if parts.scheme not in _OF_SCHEME or "://" not in address:
        problem = f"The URL of a transport to Redis begins with {'://, '.join(_OF_SCHEME)}://"
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

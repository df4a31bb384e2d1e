"""The URL of a transport to Kafka."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from ...exceptions import ConfigurationError
from .._transport.options import Kinds, split_options, truth

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _mechanism(text: str) -> str:
    if text not in _MECHANISMS:
        problem = f"{text!r} is none of {', '.join(_MECHANISMS)}"
        raise ValueError(problem)
    return text


_OPTIONS: Kinds = {
    "topic": str,
    "create": truth,
    "partitions": int,
    "timeout": float,
    "patience": float,
    "mechanism": _mechanism,
    "ca": str,
}


def read_url(url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a URL.

    Returns:
        The configuration of the client, and the options of the transport.

    Raises:
        ConfigurationError: the URL names no broker, or the users of its brokers differ; an option
            is unknown or has a wrong value; or the password is not percent-encoded.
    """
    address, options = split_options(url, _OPTIONS)
    scheme, _, servers = address.partition("://")
    servers = servers.removesuffix("/")
    parts = [urlsplit(f"//{server}") for server in servers.split(",")]
    if scheme not in {"kafka", "kafkas"} or not all(part.hostname for part in parts):
        problem = "The URL of a transport to Kafka names brokers: kafka://host:9092?topic=shop"
        raise ConfigurationError(problem)
    if "/" in servers or "#" in servers:
        problem = "A URL of Kafka has nothing between its brokers and its options"
        raise ConfigurationError(problem)
    users = {part.netloc.rpartition("@")[0] for part in parts} - {""}
    if len(users) > 1:
        problem = "All brokers in a URL of Kafka have the same user"
        raise ConfigurationError(problem)
    config: dict[str, Any] = {
        "bootstrap.servers": ",".join(part.netloc.rpartition("@")[2] for part in parts)
    }
    encrypted = "SSL" if scheme == "kafkas" else "PLAINTEXT"
    config["security.protocol"] = f"SASL_{encrypted}" if users else encrypted
    mechanism = options.pop("mechanism", _MECHANISMS[0])
    if "ca" in options:
        config["ssl.ca.location"] = options.pop("ca")
    for user in users:
        name, _, password = user.partition(":")
        config |= {
            "sasl.mechanism": mechanism,
            "sasl.username": unquote(name),
            "sasl.password": unquote(password),
        }
    return config, options

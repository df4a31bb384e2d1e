"""The URL of a transport or source of Kafka."""

from __future__ import annotations

from collections.abc import Mapping
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


_COMMON: Kinds = {
    "topic": str,
    "create": truth,
    "partitions": int,
    "timeout": float,
    "mechanism": _mechanism,
    "ca": str,
}
TRANSPORT: Kinds = {**_COMMON, "patience": float}
SOURCE: Kinds = {**_COMMON, "session": float}


def read_url(url: str, kinds: Kinds) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a URL.

    Args:
        url: the URL.
        kinds: for each known option the function that converts its value.

    Returns:
        The configuration of the client, and the options of the transport or source.

    Raises:
        ConfigurationError: the URL names no broker, or the users of its brokers differ; an option
            is unknown or has a wrong value; or the password is not percent-encoded.
    """
    address, options = split_options(url, kinds)
    scheme, _, servers = address.partition("://")
    servers = servers.removesuffix("/")
    parts = [urlsplit(f"//{server}") for server in servers.split(",")]
    if scheme not in {"kafka", "kafkas"} or not all(part.hostname for part in parts):
        problem = "A URL of Kafka names brokers: kafka://host:9092?topic=shop"
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


def settings_of_member(
    config: Mapping[str, Any], consumer: str, timeout: float, session: float
) -> dict[str, Any]:
    """Return the settings of a member of a consumer group.

    Args:
        config: the configuration of the client, which overrides some of them.
        consumer: the name of the group.
        timeout: the limit for each answer, in seconds.
        session: how long the group waits for a sign of life, in seconds.
    """
    milliseconds = round(session * 1000)
    return {
        "log_level": 0,  # what matters is raised
        "session.timeout.ms": milliseconds,
        "heartbeat.interval.ms": max(milliseconds // 10, 1),
        "socket.timeout.ms": max(round(timeout * 1000), 2_000),
        "partition.assignment.strategy": "cooperative-sticky",
        **config,
        "group.id": consumer,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "allow.auto.create.topics": False,
    }

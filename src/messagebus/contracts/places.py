"""Places where messages go or come from, as the URLs of transports and sources name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from ..adapters._transport.partitions import ensure_partitions
from ..adapters.factory import adapter_of
from ..exceptions import ConfigurationError
from ..serialization.wire import parse_type
from .payloads import Schema

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_TITLES = {
    "kafka": "a topic of Kafka",
    "memory": "the memory of the process",
    "nats": "subjects of NATS JetStream",
    "rabbitmq": "routing keys of RabbitMQ",
    "redis": "a stream of Redis",
    "stdout": "standard output, a message on a line",
}
_OPTIONS = {"kafka": "topic", "nats": "subject", "rabbitmq": "exchange", "redis": "stream"}
_DIVIDED = {"nats", "rabbitmq", "redis"}
"""The brokers on which each partition has an address of its own."""

_PARTITION = "partition"


@dataclass(frozen=True, slots=True)
class Place:
    """A place for messages. Where it is in the network is no part of a contract.

    Attributes:
        broker: the name of its adapter, such as ``redis``; None if it is unknown.
        address: the stream, topic, subject or routing key, with fields in braces; None if it is
            unknown.
        exchange: the exchange of RabbitMQ.
        partitions: among how many partitions ordering keys divide the messages.
    """

    broker: str | None = None
    address: str | None = None
    exchange: str | None = None
    partitions: int = 1

    @classmethod
    def of(cls, url: str | None, kind: Literal["Transport", "Source"]) -> Place:
        """Return the place that a URL names.

        Args:
            url: the URL of a transport or a source; None if it is unknown.
            kind: which of the two it is.

        Raises:
            ConfigurationError: the URL is not valid, or names no stream or the like.
        """
        if url is None:
            return cls()
        broker = adapter_of(url, kind)
        options = dict(parse_qsl(url.partition("?")[2]))
        needed = _OPTIONS.get(broker)
        if needed is not None and needed not in options:
            problem = f"A URL of {broker} needs the option {needed!r}"
            advice = "Write it as for the relay or the consumer."
            raise ConfigurationError(problem, advice=advice)
        partitions = _partitions_of(options.get("partitions", "1"))
        address = None if needed is None else options[needed]
        if broker == "rabbitmq":
            address = options.get("routing_key", "{name}")
        if broker in _DIVIDED and partitions > 1:
            address = f"{address}.{{{_PARTITION}}}"
        return cls(broker, address, options.get("exchange"), partitions)

    def channel(self, types: Iterable[str]) -> dict[str, Any]:
        """Return what an AsyncAPI document says of the place, without its messages.

        Args:
            types: the types of its messages.
        """
        channel: dict[str, Any] = {"address": self.address}
        if self.broker is not None:
            channel["description"] = _description_of(self.broker)
        if fields := _FIELD.findall(self.address or ""):
            known = [parse_type(each) for each in types]
            channel["parameters"] = {field: self._parameter(field, known) for field in fields}
        if self.exchange is not None:
            exchange = {"name": self.exchange, "type": "topic", "durable": True}
            binding = {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}
            channel["bindings"] = {"amqp": binding}
        return channel

    def _parameter(self, field: str, types: Iterable[dict[str, str]]) -> Schema:
        if field == _PARTITION and self.partitions > 1:
            numbers = [str(number) for number in range(self.partitions)]
            return {"description": "The partition of the ordering key.", "enum": numbers}
        if field in {"name", "version"}:
            values = sorted({each[field] for each in types if field in each})
            what = "The name in the type" if field == "name" else "The version in the type"
            return {"description": f"{what} of the message.", "enum": values}
        return {"description": f"What the envelope of the message has as {field!r}."}


def broker_of(channel: Mapping[str, Any]) -> str | None:
    """Return the name of the adapter that a channel of a document was written for, if it is known.

    Args:
        channel: the channel, as *Place.channel* returns it.
    """
    found = (each for each in _TITLES if _description_of(each) == channel.get("description"))
    return next(found, None)


def _description_of(broker: str) -> str:
    return f"{_TITLES[broker].capitalize()}."


def _partitions_of(text: str) -> int:
    """Return the number of partitions that a URL names.

    Raises:
        ConfigurationError: it is no such number.
    """
    number = int(text) if text.isdecimal() else 0
    ensure_partitions(number)
    return number

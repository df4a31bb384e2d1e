"""What brokers really get, against the document of the contract."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NotRequired, get_origin, get_type_hints
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from messagebus import MessageSerializer, SyncMessageBus
from messagebus.adapters.factory import sync_transport_from_url
from messagebus.adapters.stdout import SyncStdoutTransport
from messagebus.contracts import Place, asyncapi_document, contract_of
from messagebus.domain.model import Event, Metadata
from messagebus.serialization.envelope import Envelope
from messagebus.serialization.wire import WireMessage, row_to_wire
from tests.adapters.stored import bind_queue, entries, letters, queued

KEYS = WireMessage.__annotations__.keys()


class Sold(Event):
    """A book was sold."""

    metadata: Metadata = Metadata(name="sold", schema_version=3, published=True)
    ordering_key = "isbn"

    isbn: str
    copies: int = 1


class Closed(Event):
    metadata: Metadata = Metadata(name="closed", schema_version=1, published=True)


def wires() -> Iterator[dict[str, Any]]:
    """Yield messages as a relay and as a publisher without an outbox send them."""
    for event, key, cause in (
        (Sold(isbn="0141439580"), "0141439580", None),
        (Sold(isbn="0141439580", copies=2), "0141439580", uuid4()),
        (Closed(), None, uuid4()),
    ):
        wire = MessageSerializer().serialize_message(event)
        yield {**wire}
        row = SimpleNamespace(
            message_id=uuid4(),
            created_at=event.created_at,
            name=event.metadata.name,
            schema_version=event.metadata.schema_version,
            payload=wire["payload"],
            causation_id=cause,
            correlation_id=uuid4(),
            ordering_key=key,
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            tracestate="vendor=1",
        )
        yield {**row_to_wire(row)}


@pytest.fixture(scope="module")
def bus() -> SyncMessageBus[Any]:
    """Return a bus that hears one of the messages."""
    bus: SyncMessageBus[Any] = SyncMessageBus()

    def hear(event: Sold, uow: Any) -> None: ...

    bus.add_listener(Sold, hear)
    return bus


class Documented:
    """The messages of one side of a document."""

    def __init__(self, bus: Any, url: str, *, received: bool = False) -> None:
        place = Place.of(url, "Transport")
        document = asyncapi_document(
            contract_of(bus, publishes=["sold", "closed"], consumes=["sold", "closed"]),
            "books",
            published_to=place,
            consumed_from=place,
        )
        channel = document["channels"]["consumed" if received else "published"]
        self.address: str | None = channel["address"]
        self._messages = channel["messages"]
        self._root = document

    def ensure(self, title: str, **parts: Any) -> None:
        """Ensure that the parts of a message fit what is documented, and have no more keys."""
        message = self._messages[title]
        for name, value in parts.items():
            schema = message[name]["schema"] if name == "payload" else message[name]
            self._ensure(schema, value)
            if name != "payload":
                assert schema["properties"].keys() >= value.keys()
        described = {name for name in ("headers", "x-properties") if name in message}
        assert described == parts.keys() - {"payload"}

    def ensure_whole(self, title: str, wire: Mapping[str, Any], **parts: Any) -> None:
        """Ensure that a message fits whose payload is a string in it."""
        self.ensure(title, payload=wire, **parts)
        fields = self._messages[title]["payload"]["schema"]["properties"]
        assert fields.keys() >= wire.keys()
        self._ensure(fields["payload"]["contentSchema"], json.loads(wire["payload"]))

    def _ensure(self, schema: Any, value: Any) -> None:
        whole = {**schema, "components": self._root["components"]}
        Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            value
        )


def texts(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers as text."""
    return {
        key: each.decode() if isinstance(each, bytes) else each for key, each in headers.items()
    }


def test_redis_gets_what_is_documented(bus: Any, redis_url: str, unique_name: str) -> None:
    """Every field is a string; that of the payload is the payload."""
    url = f"{redis_url}?stream={unique_name}&create=true"
    documented = Documented(bus, url)
    with sync_transport_from_url(url) as transport:
        transport.send_messages_serialized([*wires()])

    found = entries(redis_url, unique_name)
    assert unique_name == documented.address
    assert 6 == len(found)
    for fields in found:
        payload = json.loads(fields.pop("payload"))
        documented.ensure(fields["type"], payload=payload, headers=fields)


def test_nats_gets_what_is_documented(bus: Any, nats_url: str, unique_name: str) -> None:
    """The body is the message as a JSON object, with its payload as a string."""
    url = f"{nats_url}?stream={unique_name}&subject={unique_name}.{{name}}&create=true"
    documented = Documented(bus, url)
    with sync_transport_from_url(url) as transport:
        transport.send_messages_serialized([*wires()])

    found = letters(nats_url, unique_name)
    assert 6 == len(found)
    for letter in found:
        wire = json.loads(letter.data)
        headers = {**(letter.headers or {})}
        assert unique_name == headers.pop("Nats-Expected-Stream")  # the broker's, not a reader's
        documented.ensure_whole(wire["type"], wire, headers=headers)
        name = wire["type"].partition("_v")[0]
        assert letter.subject == (documented.address or "").format(name=name)


def test_rabbitmq_gets_what_is_documented(bus: Any, rabbitmq_url: str, unique_name: str) -> None:
    """The body is the payload; the rest are properties and headers."""
    bind_queue(rabbitmq_url, unique_name)
    url = f"{rabbitmq_url}?exchange={unique_name}"
    documented = Documented(bus, url)
    with sync_transport_from_url(url) as transport:
        transport.send_messages_serialized([*wires()])

    found = queued(rabbitmq_url, unique_name)
    assert 6 == len(found)
    for message in found:
        names = ("message_id", "type", "correlation_id")
        given = {name: getattr(message, name) for name in names}
        properties = {name: value for name, value in given.items() if value is not None}
        documented.ensure(
            str(message.type),
            payload=json.loads(message.body),
            headers=message.headers,
            **{"x-properties": properties},
        )
        name = str(message.type).partition("_v")[0]
        assert message.routing_key == (documented.address or "").format(name=name)


def test_kafka_gets_what_is_documented(bus: Any, kafka_url: str, unique_name: str) -> None:
    """The value is the payload; the rest are headers."""
    pytest.importorskip("confluent_kafka", reason="its client has no wheel for this Python")
    from tests.adapters.kafka import records

    url = f"{kafka_url}?topic={unique_name}&create=true"
    documented = Documented(bus, url)
    with sync_transport_from_url(url) as transport:
        transport.send_messages_serialized([*wires()])

    found = records(kafka_url, unique_name)
    assert unique_name == documented.address
    assert 6 == len(found)
    for key, value, headers in found:
        given = texts(dict(headers))
        documented.ensure(given["type"], payload=json.loads(value), headers=given)
        assert given.get("ordering_key") == (None if key is None else key.decode())


def test_standard_output_gets_what_is_documented(bus: Any) -> None:
    """Each line is the message as a JSON object."""
    stream = io.StringIO()
    documented = Documented(bus, "stdout:")
    with SyncStdoutTransport(stream) as transport:
        transport.send_messages_serialized([*wires()])

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert 6 == len(lines)
    for wire in lines:
        documented.ensure_whole(wire["type"], wire)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"causation_id": None, "correlation_id": None, "ordering_key": None},
        {"causation_id": str(uuid4()), "more": "than a consumer knows"},
    ],
)
def test_what_a_consumer_takes_is_documented(bus: Any, change: dict[str, Any]) -> None:
    """Also what other senders leave out, or leave empty."""
    documented = Documented(bus, "kafka://host?topic=books", received=True)
    wire = {**next(wires()), **change}

    assert "sold" == Envelope.of(wire).name
    headers = {key: each for key, each in wire.items() if key in KEYS - {"payload"}}
    documented.ensure(wire["type"], payload=json.loads(wire["payload"]), headers=headers)


@pytest.mark.parametrize("missing", ["id", "created_at", "type", "payload"])
def test_what_a_consumer_does_not_take_is_not_documented(bus: Any, missing: str) -> None:
    """What it needs is required."""
    documented = asyncapi_document(
        contract_of(bus), "books", consumed_from=Place.of("nats:?subject=books", "Source")
    )
    payload = documented["channels"]["consumed"]["messages"]["sold_v3"]["payload"]["schema"]

    assert missing in payload["required"]
    hints = get_type_hints(WireMessage, include_extras=True)
    always = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
    assert always == {*payload["required"]}
    assert KEYS == payload["properties"].keys()

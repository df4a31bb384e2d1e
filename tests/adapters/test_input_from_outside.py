"""Whatever bytes come from a broker: nothing fails, and nothing is lost of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messagebus import MessageSerializer, SyncMessageBus
from messagebus.adapters.nats import arrival as nats
from messagebus.adapters.rabbitmq import arrival as rabbitmq
from messagebus.adapters.redis import entries as redis
from messagebus.inbox import ConsumerOptions, Delivery, SyncInboxConsumer
from tests._sync.inbox.fakes import Store, SyncPile, SyncStoreWork
from tests.library import BookRegistered

Headers = Mapping[str, Any]


def from_kafka(body: bytes, headers: Headers) -> Delivery:
    """Return the delivery of a record."""
    pytest.importorskip("confluent_kafka", reason="Kafka: its client has no wheel for this Python")
    from messagebus.adapters.kafka import arrival

    pairs = [(name, None if each is None else _bytes(each)) for name, each in headers.items()]
    record: Any = SimpleNamespace(value=lambda: body, headers=lambda: pairs)
    return arrival.read("books", arrival.Arrival(arrival.Place(0, 1), record))


def from_nats(body: bytes, headers: Headers) -> Delivery:
    """Return the delivery of a message of JetStream."""
    sequence = SimpleNamespace(stream=1)
    metadata = SimpleNamespace(stream="books", sequence=sequence, num_delivered=1)
    texts = {name: str(each) for name, each in headers.items()}
    message: Any = SimpleNamespace(data=body, headers=texts, metadata=metadata)
    durable: Any = SimpleNamespace(partition=0, delivered=0)
    return nats.delivery_of(durable, message)


def from_rabbitmq(body: bytes, headers: Headers) -> Delivery:
    """Return the delivery of a message of a queue, whose headers have any type."""
    properties = dict.fromkeys(rabbitmq._PROPERTIES)
    known = {name: str(each) for name, each in headers.items() if name in properties}
    others = {name: each for name, each in headers.items() if name not in properties}
    message: Any = SimpleNamespace(
        body=body, headers=others, redelivered=False, timestamp=None, **{**properties, **known}
    )
    return rabbitmq.delivery_of(rabbitmq.Place(1, 0, 1), "books", message)


def from_redis(body: bytes, headers: Headers) -> Delivery:
    """Return the delivery of an entry."""
    fields = {name.encode(): _bytes(each) for name, each in headers.items()}
    return redis.delivery_of("books", redis.Place(0, 1, 0), {**fields, b"payload": body}, False)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _wire() -> dict[str, Any]:
    return {**MessageSerializer().serialize_message(BookRegistered(id="1"))}


TEXTS = st.sampled_from(["", "null", "{}", "5", "book_registered_v1", "a\0b", "\x7f"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=20
)
VALUES = st.none() | st.binary(max_size=20) | TEXTS | st.integers() | st.booleans()
NAMES = st.sampled_from(
    [*_wire(), "causation_id", "correlation_id", "ordering_key", "message_id", "messagebus-json"]
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"id": "1"}']),
    st.dictionaries(NAMES, VALUES.filter(lambda each: not isinstance(each, bytes))).map(
        lambda each: json.dumps(each).encode()
    ),
)
CHANGES = st.dictionaries(NAMES, VALUES, max_size=4)


@pytest.mark.parametrize("deliver", [from_kafka, from_nats, from_rabbitmq, from_redis])
@given(body=BODIES, changes=CHANGES, is_ours=st.booleans())
def test_whatever_a_broker_delivers_is_handled_or_buried_with_its_bytes(
    deliver: Callable[[bytes, Headers], Delivery], body: bytes, changes: Headers, is_ours: bool
) -> None:
    """Its body and headers may be those of a message in part, or of nothing."""
    headers = {**_wire(), **changes} if is_ours else changes
    headers = {name: each for name, each in headers.items() if name != "payload"}
    delivery = deliver(body, headers)
    assert body in delivery.body
    store, bus, heard = Store(), SyncMessageBus[Any](), list[BookRegistered]()
    bus.add_listener(BookRegistered, lambda event, _: heard.append(event))
    pile = SyncPile(delivery)

    SyncInboxConsumer(
        "billing",
        pile,
        bus,
        partial(SyncStoreWork, store),
        options=ConsumerOptions(on_unknown="bury", max_attempts=1),
    ).drain()

    assert len(heard) + len(store.letters) == 1
    assert all(each.delivery.body == delivery.body for each in store.letters)
    assert [delivery] == pile.settled

"""A serializer of your own: the payload it writes is stored and sent unchanged."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from messagebus import (
    AbstractMessageSerializer,
    AsyncMessageBus,
    Event,
    Message,
    MessageDeserializer,
    MessageSerializer,
    Metadata,
)
from messagebus.adapters.sqlalchemy import (
    AsyncMessageHistory,
    AsyncOutbox,
    AsyncOutboxRelay,
    tables,
)
from messagebus.exceptions import UnreadableMessageError, UnstorableMessageError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import AsyncShelves, publish, stored, stored_titles
from tests.library import BookBorrowed, BookRegistered, RegisterBook, ShelfCounted
from tests.running.aio import AsyncEngine

KEY = 0x5A


def encrypt(text: str) -> str:
    """Return a string that cannot be read without the key."""
    return base64.b64encode(bytes(byte ^ KEY for byte in text.encode())).decode()


def decrypt(text: str) -> str:
    """Return what was encrypted."""
    return bytes(byte ^ KEY for byte in base64.b64decode(text)).decode()


class Encrypting(MessageSerializer):
    """Writes the default format with an encrypted payload."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        wire = super().serialize_message(message)
        return {**wire, "payload": encrypt(wire["payload"])}


class Decrypting(MessageDeserializer):
    """Reads what *Encrypting* writes, and what was written before it."""

    def deserialize_message(self, wire: Mapping[str, Any]) -> Message[Any]:
        payload = wire["payload"]
        if not payload.startswith("{"):
            wire = {**wire, "payload": decrypt(payload)}
        return super().deserialize_message(wire)


class Returning(AbstractMessageSerializer):
    """Returns the given keys besides those of the default format."""

    def __init__(self, *, without: str = "", **keys: Any) -> None:
        self._keys = keys
        self._without = without

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        wire = {**MessageSerializer().serialize_message(message), **self._keys}
        wire.pop(self._without, None)
        return wire


class Wrapping(AbstractMessageSerializer):
    """Writes JSON that does not match the message, and nothing but a payload."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        return {"payload": json.dumps({"sealed": message.message_id.hex})}


class Failing(AbstractMessageSerializer):
    """Has lost its key."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        raise LookupError("no key")


class Noted(Event):
    """An event without required fields, which accepts any JSON object."""

    note: str = ""
    metadata: Metadata = Metadata(name="optional", schema_version=1, published=True)


async def register(uow: AsyncShelves, bus: AsyncMessageBus[Any]) -> None:
    """Register a book, which stores one command and two events."""
    async with uow as transaction:
        await bus.handle(RegisterBook(id="1", title="Dune"), transaction)
        await transaction.commit()


async def test_what_a_serializer_encrypts_is_stored_and_sent_as_it_is(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], transport: AsyncRecorder
) -> None:
    """The row, the record and the message of the stream have its payload."""
    await register(AsyncShelves(engine, serializer=Encrypting()), bus)
    await AsyncOutboxRelay(engine, transport).drain()

    column = tables.messages.c
    async with engine.connect() as connection:
        payloads = (await connection.scalars(sa.select(column.payload))).all()
    records = await stored(engine)
    assert payloads == [record.payload for record in records]
    assert ['{"id":"1","title":"Dune"}', '{"id":"1"}', '{"id":"1"}'] == [*map(decrypt, payloads)]
    assert ["Encrypting"] * 3 == [record.serializer for record in records]
    [sent] = transport.sent
    assert payloads[1] == sent["payload"]
    assert ("book_registered_v1", str(records[1].message_id)) == (sent["type"], sent["id"])
    assert records[1].created_at.isoformat() == sent["created_at"]
    assert str(records[0].message_id) == sent["causation_id"]


@pytest.mark.parametrize("serializer", [Encrypting(), Wrapping()])
async def test_reading_messages_back_needs_a_deserializer(
    engine: AsyncEngine, serializer: AbstractMessageSerializer
) -> None:
    """The error says so, even if the class would accept the payload as an empty message."""
    event = Noted(note="read me")
    async with AsyncShelves(engine, serializer=serializer) as transaction:
        await AsyncMessageBus[Any]().handle(event, transaction)
        await transaction.commit()

    with pytest.raises(UnreadableMessageError) as caught:
        await anext(AsyncMessageHistory(engine).messages([Noted]))

    error = caught.value
    assert (event.message_id, 1, Noted) == (
        error.message_id,
        error.position,
        error.message_type,
    )
    assert f"cannot be read as Noted: {type(serializer).__name__} wrote its payload" in str(error)
    assert "needs a deserializer" in error.__notes__[0]
    assert "It is stored at position 1." == error.__notes__[1]


async def test_what_the_default_serializer_has_written_stays_readable(
    engine: AsyncEngine, bus: AsyncMessageBus[Any]
) -> None:
    """Each row remembers its serializer, so a store may change it."""
    [event] = await publish(engine, "1")
    await register(AsyncShelves(engine, serializer=Encrypting()), bus)
    history = AsyncMessageHistory(engine)

    assert [event] == [each async for each in history.messages([BookBorrowed])]
    assert [None, *["Encrypting"] * 3] == [record.serializer for record in await stored(engine)]
    with pytest.raises(UnreadableMessageError):
        await anext(history.messages([ShelfCounted]))


async def test_a_deserializer_that_matches_reads_everything(
    engine: AsyncEngine, bus: AsyncMessageBus[Any]
) -> None:
    """Also rows of the default serializer beside those of the application's."""
    [event] = await publish(engine, "1")
    await register(AsyncShelves(engine, serializer=Encrypting()), bus)

    messages = AsyncMessageHistory(engine).messages(Decrypting([BookBorrowed, RegisterBook]))

    assert [event, RegisterBook(id="1", title="Dune")] == [each async for each in messages]


async def test_a_payload_that_does_not_fit_its_class_is_reported(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], uow: AsyncShelves
) -> None:
    """The error has the position, and that of pydantic as its cause."""

    class Numbered(Event):
        id: int
        metadata: Metadata = Metadata(name="book_registered", schema_version=1)

    async with uow as transaction:
        await bus.handle(RegisterBook(id="one"), transaction)
        await transaction.commit()

    with pytest.raises(UnreadableMessageError, match="Numbered: its payload") as caught:
        await anext(AsyncMessageHistory(engine).messages([Numbered]))
    assert 2 == caught.value.position
    assert isinstance(caught.value.__cause__, ValidationError)


async def test_a_serializer_may_return_the_standard_keys_or_none_of_them(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], transport: AsyncRecorder
) -> None:
    """Keys with the values that the relay sends anyway are accepted."""
    for serializer in (Returning(payload="sealed"), Returning(without="id", payload="sealed")):
        async with AsyncShelves(engine, serializer=serializer) as transaction:
            await bus.handle(BookBorrowed(), transaction)
            await transaction.commit()
    await AsyncOutboxRelay(engine, transport).drain()

    assert ["sealed"] * 2 == [message["payload"] for message in transport.sent]
    assert ["book_borrowed_v2"] * 2 == [message["type"] for message in transport.sent]


@pytest.mark.parametrize(
    ("serializer", "reason"),
    [
        (Returning(tenant="a"), "Returning returned keys that are not stored: 'tenant'"),
        (Returning(type="b", id="1"), "Returning returned keys that are not stored: 'id', 'type'"),
        (Returning(created_at=None), "Returning returned keys that are not stored: 'created_at'"),
        (Returning(correlation_id=None), "keys that are not stored: 'correlation_id'"),
        (Returning(without="payload"), "Returning returned no payload"),
        (Returning(payload=None), "Returning returned no payload"),
        (Returning(payload=b"sealed"), "Returning returned a payload of type bytes"),
        (Returning(payload="a\0b"), "its payload contains a NUL or a lone surrogate"),
        (Returning(payload="\ud800"), "its payload contains a NUL or a lone surrogate"),
        (Failing(), "no key"),
    ],
)
async def test_what_would_be_lost_is_refused(
    engine: AsyncEngine,
    bus: AsyncMessageBus[Any],
    serializer: AbstractMessageSerializer,
    reason: str,
) -> None:
    """A key or a payload that cannot be stored fails the handling, and nothing is kept."""
    with pytest.raises(UnstorableMessageError, match=reason) as caught:
        async with AsyncShelves(engine, serializer=serializer) as transaction:
            await bus.handle(RegisterBook(id="1"), transaction)
            await transaction.commit()

    assert isinstance(caught.value.message, (RegisterBook, BookRegistered))
    assert ([], []) == (await stored_titles(engine), await stored(engine))


@pytest.mark.parametrize(
    ("serializer", "advice"),
    [
        (Returning(tenant="a"), "Put what they say into the payload"),
        (Returning(without="payload"), "Return a string as payload"),
        (Returning(payload=b"sealed"), "Base64"),
    ],
)
async def test_a_refusal_says_what_to_do(
    bus: AsyncMessageBus[Any],
    engine: AsyncEngine,
    serializer: AbstractMessageSerializer,
    advice: str,
) -> None:
    """The note of the error is for the author of the serializer."""
    with pytest.raises(UnstorableMessageError) as caught:
        async with AsyncShelves(engine, serializer=serializer) as transaction:
            await bus.handle(BookBorrowed(), transaction)

    assert any(advice in note for note in caught.value.__notes__)


async def test_a_class_that_extends_the_default_serializer_is_asked(
    engine: AsyncEngine, bus: AsyncMessageBus[Any], transport: AsyncRecorder
) -> None:
    """It is asked once for each message, published or not, when the row is written."""

    class Counting(MessageSerializer):
        def __init__(self) -> None:
            self.names: list[str] = []

        def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
            self.names.append(message.metadata.name)
            return super().serialize_message(message)

    serializer = Counting()
    await register(AsyncShelves(engine, serializer=serializer), bus)
    await AsyncOutboxRelay(engine, transport).drain()

    assert ["register_book", "book_registered", "shelf_counted"] == serializer.names


async def test_a_payload_of_a_serializer_of_your_own_is_edited_in_its_format(
    engine: AsyncEngine,
) -> None:
    """What such a serializer wrote need not be JSON, and neither need what replaces it."""
    uow = AsyncShelves(engine, serializer=Encrypting())
    transport = AsyncRecorder()
    event = BookRegistered(id="1")
    async with uow as transaction:
        await AsyncMessageBus[Any]().handle(event, transaction)
        await transaction.commit()
    transport.poison = {str(event.message_id): RuntimeError("no")}
    await AsyncOutboxRelay(engine, transport, max_attempts=1).drain()

    payload = encrypt('{"id":"2"}')
    edited = await AsyncOutbox(engine).edit(event.message_id, payload)
    assert edited is not None
    assert (payload, "Encrypting") == (edited.payload, edited.serializer)

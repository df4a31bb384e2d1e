"""The eventstore, the publisher and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from messagebus import (
    AbstractMessageSerializer,
    AsyncAbstractEventstreamTransport,
    AsyncEventstoreAbstractRepository,
    AsyncEventstreamPublisher,
    AsyncMessageBus,
    AsyncSinkholeEventstoreRepository,
    AsyncSinkholeEventstreamTransport,
    Message,
    PublishError,
)
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore, types_of
from tests.library import BookRegistered, RegisterBook, ShelfCounted


class Upper(AbstractMessageSerializer):
    """A serializer that writes names in upper case."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        """Return only the name."""
        return {"type": message.metadata.name.upper()}


@pytest.mark.parametrize(
    "abstract",
    [
        AsyncAbstractEventstreamTransport,
        AsyncEventstoreAbstractRepository,
        AbstractMessageSerializer,
    ],
)
def test_abstract_classes_cannot_be_instantiated(abstract: type[Any]) -> None:
    """Transport, eventstore and serializer must be implemented."""
    with pytest.raises(TypeError, match="abstract"):
        abstract()


async def test_only_published_messages_are_sent(transport: AsyncRecorder) -> None:
    """Messages are private by default."""
    publisher = AsyncEventstreamPublisher(transport)
    event = BookRegistered(id="1")

    await publisher.send_message(RegisterBook(id="1"))
    await publisher.send_message(ShelfCounted(id="1"))
    await publisher.send_message(event)

    assert [str(event.message_id)] == transport.ids


async def test_the_publisher_uses_its_serializer(
    transport: AsyncRecorder,
) -> None:
    """The user may choose the format of sent messages."""
    publisher = AsyncEventstreamPublisher(transport, serializer=Upper())

    await publisher.send_message(BookRegistered(id="1"))

    assert ["BOOK_REGISTERED"] == types_of(transport)


async def test_the_sinkhole_transport_drops_everything() -> None:
    """Sending to the sinkhole does nothing."""
    await AsyncSinkholeEventstreamTransport().send_message_serialized({"type": "book_v1"})


async def test_an_added_message_is_stored_and_published_once(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """Outside a transaction, the user adds and publishes messages."""
    await eventstore.add(BookRegistered(id="1"))
    assert [] == transport.sent

    await eventstore.publish_eventstream()
    await eventstore.publish_eventstream()

    assert [BookRegistered(id="1")] == eventstore.added
    assert ["book_registered_v1"] == types_of(transport)


async def test_the_sinkhole_eventstore_publishes_too(transport: AsyncRecorder) -> None:
    """It publishes messages although it stores none."""
    eventstore = AsyncSinkholeEventstoreRepository(AsyncEventstreamPublisher(transport))

    await eventstore.add(BookRegistered(id="1"))
    await eventstore.publish_eventstream()

    assert ["book_registered_v1"] == types_of(transport)


async def test_unsent_messages_are_kept_when_the_transport_fails(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """Each attempt continues where the last one stopped."""
    transport.fail(ConnectionError())
    transport.fail(ConnectionError(), after=1)
    for id in "123":
        await eventstore.add(BookRegistered(id=id))

    with pytest.raises(PublishError, match="3 message"):
        await eventstore.publish_eventstream()
    with pytest.raises(PublishError, match="2 message"):
        await eventstore.publish_eventstream()
    await eventstore.publish_eventstream()

    assert ['{"id":"1"}', '{"id":"2"}', '{"id":"3"}'] == [
        each["payload"] for each in transport.sent
    ]


@pytest.mark.parametrize("keeping", [False, True])
async def test_without_a_publisher_nothing_is_remembered(keeping: bool) -> None:
    """Handled messages are not kept in memory."""
    eventstore = AsyncRecordingEventstore() if keeping else AsyncSinkholeEventstoreRepository()
    uow = AsyncLibrary(eventstore)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    for decide in ("commit", "rollback"):
        async with uow as transaction:
            await bus.handle(BookRegistered(id="1"), transaction)
            await getattr(transaction, decide)()

    assert 0 == len(eventstore._unsent)


async def test_an_eventstore_may_have_a_constructor_of_its_own() -> None:
    """If it does not call the one of the base class, there is no publisher."""

    class Journal(AsyncEventstoreAbstractRepository):
        def __init__(self) -> None:
            self.entries: list[Message[Any]] = []

        async def _add(self, message: Message[Any]) -> None:
            self.entries.append(message)

    journal = Journal()
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    async with AsyncLibrary(journal) as transaction:
        await bus.handle(BookRegistered(id="1"), transaction)
        await transaction.commit()

    assert [BookRegistered(id="1")] == journal.entries


async def test_the_default_eventstore_is_shared_and_keeps_nothing() -> None:
    """Units of work that share the default eventstore do not affect each other."""
    assert AsyncLibrary().eventstore is AsyncLibrary().eventstore
    assert isinstance(AsyncLibrary().eventstore, AsyncSinkholeEventstoreRepository)

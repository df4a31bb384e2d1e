"""The eventstore, the publisher and what stands in for them by default."""

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
    """A serializer that shouts."""

    def serialize_message(self, message: Message[Any]) -> Mapping[str, Any]:
        """Give the name alone."""
        return {"type": message.metadata.name.upper()}


@pytest.mark.parametrize(
    "abstract",
    [
        AsyncAbstractEventstreamTransport,
        AsyncEventstoreAbstractRepository,
        AbstractMessageSerializer,
    ],
)
def test_abstract_classes_can_not_be_made(abstract: type[Any]) -> None:
    """Transport, eventstore and serializer have to be implemented."""
    with pytest.raises(TypeError, match="abstract"):
        abstract()


async def test_only_published_messages_are_sent(transport: AsyncRecorder) -> None:
    """Messages are private unless their metadata says otherwise."""
    publisher = AsyncEventstreamPublisher(transport)
    event = BookRegistered(id="1")

    await publisher.send_message(RegisterBook(id="1"))
    await publisher.send_message(ShelfCounted(id="1"))
    await publisher.send_message(event)

    assert [str(event.message_id)] == transport.ids


async def test_the_publisher_uses_the_serializer_it_is_given(
    transport: AsyncRecorder,
) -> None:
    """The format of what is sent is the user's choice."""
    publisher = AsyncEventstreamPublisher(transport, serializer=Upper())

    await publisher.send_message(BookRegistered(id="1"))

    assert ["BOOK_REGISTERED"] == types_of(transport)


async def test_the_sinkhole_transport_drops_everything() -> None:
    """Sending to the sinkhole does nothing."""
    await AsyncSinkholeEventstreamTransport().send_message_serialized({"type": "book_v1"})


async def test_an_added_message_is_stored_and_published_once(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """Outside of any transaction, adding and publishing are in the user's hands."""
    await eventstore.add(BookRegistered(id="1"))
    assert [] == transport.sent

    await eventstore.publish_eventstream()
    await eventstore.publish_eventstream()

    assert [BookRegistered(id="1")] == eventstore.added
    assert ["book_registered_v1"] == types_of(transport)


async def test_the_sinkhole_eventstore_publishes_too(transport: AsyncRecorder) -> None:
    """To keep nothing does not mean to publish nothing."""
    eventstore = AsyncSinkholeEventstoreRepository(AsyncEventstreamPublisher(transport))

    await eventstore.add(BookRegistered(id="1"))
    await eventstore.publish_eventstream()

    assert ["book_registered_v1"] == types_of(transport)


async def test_a_failing_transport_keeps_what_was_not_sent(
    eventstore: AsyncRecordingEventstore, transport: AsyncRecorder
) -> None:
    """Publication goes on where it stopped, as often as needed."""
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
    """Memory does not grow with the messages that are handled."""
    eventstore = AsyncRecordingEventstore() if keeping else AsyncSinkholeEventstoreRepository()
    uow = AsyncLibrary(eventstore)
    bus: AsyncMessageBus[Any] = AsyncMessageBus()

    for decide in ("commit", "rollback"):
        async with uow as transaction:
            await bus.handle(BookRegistered(id="1"), transaction)
            await getattr(transaction, decide)()

    assert 0 == len(eventstore._unsent)


async def test_an_eventstore_may_have_a_constructor_of_its_own() -> None:
    """One that does not call that of the base class has no publisher."""

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
    """Units of work without an eventstore of their own do not meet in the default one."""
    assert AsyncLibrary().eventstore is AsyncLibrary().eventstore
    assert isinstance(AsyncLibrary().eventstore, AsyncSinkholeEventstoreRepository)

"""Messages, metadata, models and identifiers."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ConfigDict, ValidationError

import messagebus
from messagebus import Command, Event, GenericCommand, GenericModel, Message, Metadata, exceptions
from messagebus.domain.model import identity, uuid7
from tests.library import Book, BookRegistered, LibraryEvent, RegisterBook


class TracedMetadata(Metadata):
    """A user's metadata with a field of its own."""

    owner: str = "library"


class Traced(GenericCommand[TracedMetadata]):
    """A command with metadata of its own."""

    metadata: TracedMetadata = TracedMetadata(name="traced", schema_version=3)


def test_an_identifier_is_a_uuid_of_version_7() -> None:
    """RFC 9562: version 7, variant 10, and the current time in milliseconds first."""
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert (7, "specified in RFC 4122") == (made.version, made.variant)
    # Identifiers that count on from an earlier one may be slightly ahead of the clock.
    assert before <= made.int >> 80 <= after + 1
    assert UUID(str(made)) == made
    assert made == pickle.loads(pickle.dumps(made))  # noqa: S301


def test_identifiers_increase_strictly() -> None:
    """Each is greater than the one before, however fast they are created."""
    made = [uuid7() for _ in range(100_000)]

    assert sorted(set(made)) == made


def test_identifiers_increase_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stops or is set back does not break the order."""
    last = uuid7()
    for offset in (0, 0, -3_600, -7_200):
        now = time.time_ns() + offset * 1_000_000_000
        monkeypatch.setattr(identity, "time_ns", lambda now=now: now)
        made = uuid7()
        assert last < made
        last = made


def test_identifiers_of_many_threads_differ() -> None:
    """Concurrent threads never get the same identifier, and each sees an increasing sequence."""
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: [uuid7() for _ in range(5_000)], range(8)))

    assert 40_000 == len({made for each in drawn for made in each})
    assert all(sorted(each) == each for each in drawn)


def _random_bits_of_some(count: int) -> list[int]:
    return [uuid7().int & (1 << 62) - 1 for _ in range(count)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork to protect against")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_has_identifiers_of_its_own() -> None:
    """A child does not repeat the random bits of its parent."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        of_child = pool.apply(_random_bits_of_some, (100,))

    assert set(of_child).isdisjoint(_random_bits_of_some(100))


def test_a_message_is_created_now_in_utc() -> None:
    """The creation time is timezone-aware."""
    before = datetime.now(UTC)
    message = RegisterBook(id="1")

    assert timedelta() <= message.created_at - before < timedelta(minutes=1)
    assert UTC == message.created_at.tzinfo


def test_messages_with_equal_fields_are_equal() -> None:
    """Identifier and creation time are ignored."""
    one = RegisterBook(id="1")
    other = RegisterBook(id="1", message_id=uuid4(), created_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert one == other
    assert one == one.model_copy()
    assert one != RegisterBook(id="2")
    assert one != RegisterBook(id="1", metadata=Metadata(name="register_book", schema_version=2))


def test_messages_of_a_frozen_class_can_be_hashed() -> None:
    """Equal messages have equal hashes; mutable messages have none."""

    class Frozen(Command):
        model_config = ConfigDict(frozen=True)
        id: str
        metadata: Metadata = Metadata(name="frozen", schema_version=1)

    assert 1 == len({Frozen(id="1"), Frozen(id="1")})
    assert 2 == len({Frozen(id="1"), Frozen(id="2")})
    with pytest.raises(TypeError, match="unhashable type: 'RegisterBook'"):
        hash(RegisterBook(id="1"))


def test_cached_properties_do_not_affect_equality() -> None:
    """Computing a property changes neither equality nor hash of a message or a model."""

    class Shouted(Command):
        model_config = ConfigDict(frozen=True)
        text: str
        metadata: Metadata = Metadata(name="shouted", schema_version=1)

        @cached_property
        def loud(self) -> str:
            return self.text.upper()

    class Poster(messagebus.Model):
        text: str

        @cached_property
        def loud(self) -> str:
            return self.text.upper()

    one, other = Shouted(text="hear"), Shouted(text="hear")
    assert "HEAR" == one.loud
    assert one == other
    assert hash(one) == hash(other)

    poster = Poster(text="hear")
    assert "HEAR" == poster.loud
    assert poster == Poster(text="hear")


def test_messages_of_two_classes_differ() -> None:
    """Messages of two classes are never equal, even with equal fields."""

    class Other(LibraryEvent):
        metadata: Metadata = BookRegistered(id="1").metadata

    assert BookRegistered(id="1") != Other(id="1")
    assert BookRegistered(id="1") != "book"


def test_metadata_is_frozen_and_shared() -> None:
    """All messages of a class share one immutable metadata object."""
    one, other = RegisterBook(id="1"), RegisterBook(id="2")

    assert one.metadata is other.metadata
    with pytest.raises(ValidationError, match="frozen"):
        one.metadata.published = True


def test_messages_are_private_unless_they_say_otherwise() -> None:
    """By default, a message is not published."""
    assert Metadata(name="a", schema_version=1).published is False


def test_a_message_needs_metadata() -> None:
    """Without a default in the class, metadata is a required argument."""
    with pytest.raises(ValidationError, match="metadata"):
        LibraryEvent(id="1")  # type: ignore[call-arg]

    given = LibraryEvent(id="1", metadata=Metadata(name="a", schema_version=1))
    assert "a" == given.metadata.name


def test_users_may_bring_their_own_metadata() -> None:
    """The generic classes take a subclass of the metadata."""
    assert "library" == Traced().metadata.owner
    assert isinstance(Traced(), GenericCommand)


def test_commands_and_events_are_the_generic_classes_with_the_default_metadata() -> None:
    """The names without Generic are aliases, as in the API reference."""
    assert GenericCommand[Metadata] is Command
    assert messagebus.GenericEvent[Metadata] is Event
    assert GenericModel[Metadata] is messagebus.Model
    assert issubclass(Command, Message)


def test_a_message_shows_its_fields() -> None:
    """The representation contains the class and the fields, but not the envelope."""
    assert "<RegisterBook id='1' title='Untitled'>" == repr(RegisterBook(id="1"))
    assert "<RegisterBook id='1' title='Untitled'>" == str(RegisterBook(id="1"))
    assert "<Traced>" == repr(Traced())


def test_a_message_hides_fields_without_a_representation() -> None:
    """A field with ``repr=False`` never appears in a log or in an error."""

    class LogIn(Command):
        name: str
        password: str = messagebus.Field(repr=False)
        metadata: Metadata = Metadata(name="log_in", schema_version=1)

    assert "<LogIn name='ada'>" == repr(LogIn(name="ada", password="secret"))  # noqa: S106


def test_a_message_survives_a_round_trip() -> None:
    """Dumping and loading keeps the identifier and the creation time."""
    message = RegisterBook(id="1")

    for again in (
        messagebus.load_message(RegisterBook, message.model_dump_json()),
        messagebus.load_message(RegisterBook, message.model_dump(mode="json")),
        copy.deepcopy(message),
        pickle.loads(pickle.dumps(message)),  # noqa: S301
    ):
        assert message == again
        assert (message.message_id, message.created_at) == (again.message_id, again.created_at)


def test_models_with_equal_fields_are_equal() -> None:
    """The messages of a model are ignored."""
    one, other = Book(id="1"), Book(id="1")
    one.messages.append(BookRegistered(id="1"))

    assert one == other
    assert one != Book(id="2")
    assert one != "book"


def test_the_messages_of_a_model_are_no_part_of_its_data() -> None:
    """They are not dumped, and each model has a list of its own."""
    book = Book(id="1")
    book.messages.append(BookRegistered(id="1"))

    assert {"id": "1", "title": "Untitled"} == book.model_dump()
    assert [] == Book(id="2").messages


def test_a_model_may_be_created_with_messages() -> None:
    """The messages are kept as they are, not copied."""
    event = BookRegistered(id="1")

    assert event is Book(id="1", messages=[event]).messages[0]


class Sequential(UUID):
    """An identifier with a string form of its own."""

    def __str__(self) -> str:
        return str(self.int)


@pytest.fixture
def serialized() -> tuple[Message[Metadata], dict[str, object]]:
    """Return a message and its serialized form."""
    message = BookRegistered(id="1")
    return message, dict(messagebus.MessageSerializer().serialize_message(message))


@pytest.mark.parametrize("id", ["text", 5, Sequential(int=5)])
def test_the_serialized_identifier_is_a_string(id: Any) -> None:
    """It is the result of str, even for an identifier that was never validated."""
    message = BookRegistered.model_construct(**{**dict(BookRegistered(id="1")), "message_id": id})

    assert str(id) == messagebus.MessageSerializer().serialize_message(message)["id"]


def test_the_serialized_message_has_an_envelope_and_a_payload(
    serialized: tuple[BookRegistered, dict[str, object]],
) -> None:
    """The format is the one in the API reference."""
    message, mapping = serialized

    assert {
        "id": str(message.message_id),
        "created_at": message.created_at.isoformat(),
        "type": "book_registered_v1",
        "payload": '{"id":"1"}',
    } == mapping
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", str(mapping["created_at"]))


def test_pickled_errors_keep_their_attributes() -> None:
    """An error that comes from another process has its text and attributes."""
    errors = [
        messagebus.ConfigurationError("wrong", problems=["a"]),
        messagebus.ScanError(".a"),
        messagebus.InvalidMessageError("text"),
        messagebus.TransactionError("closed"),
        messagebus.MissingDependencyError("a", copy.copy),
        messagebus.CascadeError(3, [RegisterBook, RegisterBook]),
        messagebus.PublishError([BookRegistered(id="1")]),
        messagebus.AnnotationError(copy.copy, "x", "Unknown"),
        messagebus.ParameterError(copy.copy, "x", (copy.copy, copy.deepcopy)),
        messagebus.DependencyCycleError([copy.copy, copy.copy]),
        messagebus.GeneratorDependencyError("generator", "ended without yielding"),
        messagebus.RunningLoopError("dependency"),
        messagebus.UnknownActionError("a", ["b"]),
        exceptions.StreamMissingError("books", "Create it."),
        exceptions.BacklogStalledError("relay", 1, 2.0),
        exceptions.UnknownModelError(Book, "1"),
        exceptions.DuplicateModelError(Book, "1"),
        exceptions.ConflictError(["1"]),
    ]

    for error in errors:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(error), str(error)) == (type(again), str(again))
        assert vars(error) == vars(again)
        assert isinstance(error, messagebus.MessageBusError)


def test_advice_of_a_configuration_error_is_a_note() -> None:
    """The text says the fact, the note the next step; without advice there is no note."""
    assert ["do this"] == messagebus.ConfigurationError("wrong", advice="do this").__notes__
    assert not hasattr(messagebus.ConfigurationError("wrong"), "__notes__")

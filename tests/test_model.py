"""Messages, metadata, models and identifiers: the pure data."""

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
from messagebus import Command, Event, GenericCommand, GenericModel, Message, Metadata
from messagebus.domain.model import identity, uuid7
from tests.library import Book, BookRegistered, LibraryEvent, RegisterBook


class TracedMetadata(Metadata):
    """Metadata of a user who says more about messages."""

    owner: str = "library"


class Traced(GenericCommand[TracedMetadata]):
    """A command with metadata of its own."""

    metadata: TracedMetadata = TracedMetadata(name="traced", schema_version=3)


def test_an_identifier_is_a_uuid_of_version_7() -> None:
    """RFC 9562: version 7, variant 10, and the milliseconds of now in front."""
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert (7, "specified in RFC 4122") == (made.version, made.variant)
    # Counting on from an earlier identifier may run ahead of the clock by what was drawn since.
    assert before <= made.int >> 80 <= after + 1
    assert UUID(str(made)) == made
    assert made == pickle.loads(pickle.dumps(made))  # noqa: S301


def test_identifiers_increase_strictly() -> None:
    """However fast they are made, each is greater than the one before."""
    made = [uuid7() for _ in range(100_000)]

    assert sorted(set(made)) == made


def test_identifiers_increase_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still, or is set back, does not break the order."""
    last = uuid7()
    for offset in (0, 0, -3_600, -7_200):
        now = time.time_ns() + offset * 1_000_000_000
        monkeypatch.setattr(identity, "time_ns", lambda now=now: now)
        made = uuid7()
        assert last < made
        last = made


def test_identifiers_of_many_threads_differ() -> None:
    """Threads that draw at the same time never draw the same, and each sees its own increase."""
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: [uuid7() for _ in range(5_000)], range(8)))

    assert 40_000 == len({made for each in drawn for made in each})
    assert all(sorted(each) == each for each in drawn)


def _random_bits_of_some(count: int) -> list[int]:
    return [uuid7().int & (1 << 62) - 1 for _ in range(count)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork to protect against")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_draws_other_identifiers() -> None:
    """A child does not repeat the random bits of its parent."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        of_child = pool.apply(_random_bits_of_some, (100,))

    assert set(of_child).isdisjoint(_random_bits_of_some(100))


def test_a_message_is_made_now_in_utc() -> None:
    """The creation date knows its time zone."""
    before = datetime.now(UTC)
    message = RegisterBook(id="1")

    assert timedelta() <= message.created_at - before < timedelta(minutes=1)
    assert UTC == message.created_at.tzinfo


def test_messages_that_say_the_same_are_equal() -> None:
    """Identifier and creation date do not count."""
    one = RegisterBook(id="1")
    other = RegisterBook(id="1", message_id=uuid4(), created_at=datetime(2020, 1, 1, tzinfo=UTC))

    assert one == other
    assert one == one.model_copy()
    assert one != RegisterBook(id="2")
    assert one != RegisterBook(id="1", metadata=Metadata(name="register_book", schema_version=2))


def test_messages_of_a_frozen_class_can_be_hashed() -> None:
    """Equal messages have one hash; those that can change have none."""

    class Frozen(Command):
        model_config = ConfigDict(frozen=True)
        id: str
        metadata: Metadata = Metadata(name="frozen", schema_version=1)

    assert 1 == len({Frozen(id="1"), Frozen(id="1")})
    assert 2 == len({Frozen(id="1"), Frozen(id="2")})
    with pytest.raises(TypeError, match="unhashable type: 'RegisterBook'"):
        hash(RegisterBook(id="1"))


def test_what_is_only_cached_does_not_count() -> None:
    """A message or a model stays equal, and has the same hash, once a property was computed."""

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
    """The class counts, even if all fields are the same."""

    class Other(LibraryEvent):
        metadata: Metadata = BookRegistered(id="1").metadata

    assert BookRegistered(id="1") != Other(id="1")
    assert BookRegistered(id="1") != "book"


def test_metadata_is_frozen_and_shared() -> None:
    """All messages of a class have one metadata object, which can not change."""
    one, other = RegisterBook(id="1"), RegisterBook(id="2")

    assert one.metadata is other.metadata
    with pytest.raises(ValidationError, match="frozen"):
        one.metadata.published = True


def test_messages_are_private_unless_they_say_otherwise() -> None:
    """Published is off by default."""
    assert Metadata(name="a", schema_version=1).published is False


def test_a_message_needs_metadata() -> None:
    """Without a default in the class, metadata has to be given."""
    with pytest.raises(ValidationError, match="metadata"):
        LibraryEvent(id="1")  # type: ignore[call-arg]

    given = LibraryEvent(id="1", metadata=Metadata(name="a", schema_version=1))
    assert "a" == given.metadata.name


def test_users_may_bring_their_own_metadata() -> None:
    """The generic classes take a subclass of the metadata."""
    assert "library" == Traced().metadata.owner
    assert isinstance(Traced(), GenericCommand)


def test_commands_and_events_are_the_generic_classes_with_the_default_metadata() -> None:
    """The names without Generic are aliases, as the API reference has it."""
    assert GenericCommand[Metadata] is Command
    assert messagebus.GenericEvent[Metadata] is Event
    assert GenericModel[Metadata] is messagebus.Model
    assert issubclass(Command, Message)


def test_a_message_shows_what_it_says() -> None:
    """The representation has the class and the fields, without the envelope."""
    assert "<RegisterBook id='1' title='Untitled'>" == repr(RegisterBook(id="1"))
    assert "<RegisterBook id='1' title='Untitled'>" == str(RegisterBook(id="1"))
    assert "<Traced>" == repr(Traced())


def test_a_message_does_not_show_what_its_fields_hide() -> None:
    """A field with ``repr=False`` never gets into a log or the text of an error."""

    class LogIn(Command):
        name: str
        password: str = messagebus.Field(repr=False)
        metadata: Metadata = Metadata(name="log_in", schema_version=1)

    assert "<LogIn name='ada'>" == repr(LogIn(name="ada", password="secret"))  # noqa: S106


def test_a_message_survives_a_round_trip() -> None:
    """What pydantic dumps, it loads again, with identifier and date."""
    message = RegisterBook(id="1")

    for again in (
        RegisterBook.model_validate_json(message.model_dump_json()),
        copy.deepcopy(message),
        pickle.loads(pickle.dumps(message)),  # noqa: S301
    ):
        assert message == again
        assert (message.message_id, message.created_at) == (again.message_id, again.created_at)


def test_models_that_have_the_same_values_are_equal() -> None:
    """The messages that a model has raised do not count."""
    one, other = Book(id="1"), Book(id="1")
    one.messages.append(BookRegistered(id="1"))

    assert one == other
    assert one != Book(id="2")
    assert one != "book"


def test_the_messages_of_a_model_are_no_part_of_its_data() -> None:
    """They are neither dumped nor shown, and every model has its own list."""
    book = Book(id="1")
    book.messages.append(BookRegistered(id="1"))

    assert {"id": "1", "title": "Untitled"} == book.model_dump()
    assert "Book(id='1', title='Untitled')" == repr(book)
    assert [] == Book(id="2").messages


def test_a_model_may_be_made_with_its_first_messages() -> None:
    """They stay the messages that they are."""
    event = BookRegistered(id="1")

    assert event is Book(id="1", messages=[event]).messages[0]


class Sequential(UUID):
    """An identifier that is shown in a way of its own."""

    def __str__(self) -> str:
        return str(self.int)


@pytest.fixture
def serialized() -> tuple[Message[Metadata], dict[str, object]]:
    """Return a message and what the serializer makes of it."""
    message = BookRegistered(id="1")
    return message, dict(messagebus.MessageSerializer().serialize_message(message))


@pytest.mark.parametrize("id", ["text", 5, Sequential(int=5)])
def test_the_serialized_identifier_is_text(id: Any) -> None:
    """It is what str gives, also of an identifier that was never validated."""
    message = BookRegistered.model_construct(**{**dict(BookRegistered(id="1")), "message_id": id})

    assert str(id) == messagebus.MessageSerializer().serialize_message(message)["id"]


def test_the_serialized_message_has_an_envelope_and_a_payload(
    serialized: tuple[BookRegistered, dict[str, object]],
) -> None:
    """The format is that of the API reference."""
    message, mapping = serialized

    assert {
        "id": str(message.message_id),
        "created_at": message.created_at.isoformat(),
        "type": "book_registered_v1",
        "payload": '{"id":"1"}',
    } == mapping
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", str(mapping["created_at"]))


def test_errors_keep_what_they_are_about_through_pickling() -> None:
    """An error that crosses a process still has its text and its attributes."""
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

"""Message types: the class for each name and version."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from messagebus import (
    Command,
    ConfigurationError,
    Event,
    Message,
    MessageTypes,
    Metadata,
    SyncMessageBus,
)

T = TypeVar("T")


class Lent(Event):
    isbn: str
    metadata: Metadata = Metadata(name="types_lent", schema_version=2)


class OldLent(Event):
    metadata: Metadata = Metadata(name="types_lent", schema_version=1)


class OtherLent(Event):
    metadata: Metadata = Metadata(name="types_lent", schema_version=2)


class Lend(Command):
    metadata: Metadata = Metadata(name="types_lend", schema_version=1)


class Nameless(Event):
    """An event that does not say what it is called."""


class ShelfEvent(Event):
    """A base class."""


class Moved(ShelfEvent):
    metadata: Metadata = Metadata(name="types_moved", schema_version=1)


class FarMoved(Moved):
    metadata: Metadata = Metadata(name="types_far_moved", schema_version=1)


class Painted(ShelfEvent):
    metadata: Metadata = Metadata(name="types_painted", schema_version=1)

    @abstractmethod
    def colour(self) -> str: ...


class Book(BaseModel):
    title: str


class Reader(BaseModel):
    name: str


class Created(Event, Generic[T]):
    thing: T
    metadata: Metadata = Metadata(name="types_created", schema_version=1)


def hear(_message: Any, _uow: Any) -> None:
    """Hear anything."""


def hear_too(_message: Any, _uow: Any) -> None:
    """Hear anything as well."""


def bus(*heard: Any) -> SyncMessageBus[Any]:
    """Make a bus with a listener of each."""
    made = SyncMessageBus[Any]()
    for each in heard:
        made.add_listener(each, hear)
    return made


def test_a_class_is_found_by_name_and_version() -> None:
    """Those in the default of its metadata; several versions live side by side."""
    types = MessageTypes([Lent, OldLent, Lend])

    assert {("types_lent", 2): Lent, ("types_lent", 1): OldLent, ("types_lend", 1): Lend} == types
    assert (Lent,) == types.candidates("types_lent", 2)
    assert () == types.candidates("types_lent", 3)
    assert "types_lent_v2: Lent" in repr(types)


def test_two_classes_cannot_share_a_name_and_version() -> None:
    """The error names both, and their wire type."""
    with pytest.raises(ConfigurationError, match=r"Lent and .*OtherLent are both types_lent_v2"):
        MessageTypes([Lent, OldLent, OtherLent])
    assert 1 == len(MessageTypes([Lent, Lent]))


def test_a_class_has_to_say_its_name() -> None:
    """One without default metadata cannot be found, unless a mapping says its name."""
    with pytest.raises(ConfigurationError, match="no default metadata"):
        MessageTypes([Nameless])
    assert Nameless is MessageTypes({("nameless", 1): Nameless})["nameless", 1]


@pytest.mark.parametrize("stranger", [Book, "Lent", Lent(isbn="1"), None])
def test_only_classes_of_messages_can_be_known(stranger: Any) -> None:
    """Anything else is reported when it is given."""
    for types in ([stranger], {("lent", 1): stranger}):
        with pytest.raises(ConfigurationError, match="is no class of messages"):
            MessageTypes(types)


def test_a_class_that_was_made_anew_replaces_the_old_one() -> None:
    """After a reload of its module, two classes of one name are one type."""

    def load() -> type[Message[Any]]:
        class Reloaded(Event):
            metadata: Metadata = Metadata(name="types_reloaded", schema_version=1)

        return Reloaded

    old, new = load(), load()

    assert new is MessageTypes([old, new])["types_reloaded", 1]


def test_parametrisations_of_a_generic_class_are_one_type() -> None:
    """They have one name and version; what is sent does not tell which of them it was."""
    types = MessageTypes([Created[Book], Created[Reader]])

    assert Created is types["types_created", 1]
    assert (Created[Book], Created[Reader]) == types.candidates("types_created", 1)
    assert Created[Book] is MessageTypes([Created[Book]])["types_created", 1]


def test_a_bus_knows_what_its_listeners_name() -> None:
    """Events, commands, and each member of a union, however many listeners hear it."""
    made = bus(Lent | OldLent, Lend)
    made.add_listener(Lent, hear_too)

    assert MessageTypes([Lent, OldLent, Lend]) == made.message_types()
    assert {} == bus().message_types()


def test_a_listener_of_a_base_class_stands_for_its_subclasses() -> None:
    """For those that can be made: neither the base without metadata nor an abstract class."""
    assert MessageTypes([Moved, FarMoved]) == bus(ShelfEvent).message_types()
    assert MessageTypes([Moved, FarMoved]) == bus(Moved).message_types()


def test_a_listener_of_a_parametrisation_stands_for_it() -> None:
    """Of the other parametrisations only those that it hears for certain."""

    class Novel(Book):
        pages: int = 0

    Created[Novel], Created[Reader]

    known = bus(Created[Book]).message_types()

    assert (Created[Book], Created[Novel]) == known.candidates("types_created", 1)


def test_two_heard_classes_cannot_share_a_name_and_version() -> None:
    """It is an error at start, not when a message comes."""
    with pytest.raises(ConfigurationError, match="are both types_lent_v2"):
        bus(Lent, OtherLent).message_types()

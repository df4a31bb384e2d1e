"""The commands, events and notifications of the program."""

from __future__ import annotations

from messagebus import Command, Event, Metadata, Returns, event


class RegisterUser(Command, Returns[int]):
    """Register a user and return the id."""

    name: str
    email: str
    metadata: Metadata = Metadata(name="register_user", schema_version=1)


class RenameUser(Command):
    """Rename a user."""

    user_id: int
    name: str
    metadata: Metadata = Metadata(name="rename_user", schema_version=1)


class UserEvent(Event):
    """Base class of the events about users."""

    user_id: int
    name: str
    email: str


class UserRegistered(UserEvent):
    """A user was registered."""

    metadata: Metadata = Metadata(name="user_registered", schema_version=1)


class UserRenamed(UserEvent):
    """A user was renamed."""

    metadata: Metadata = Metadata(name="user_renamed", schema_version=1)


@event(frozen=True)
class Notification:
    """A message to a person."""

    to: str
    text: str

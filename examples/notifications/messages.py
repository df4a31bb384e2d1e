"""What the program is asked to do, what has happened in it, and what people are told."""

from __future__ import annotations

from messagebus import Command, Event, Metadata, Returns, event


class RegisterUser(Command, Returns[int]):
    """Register a user, and return the identifier."""

    name: str
    email: str
    metadata: Metadata = Metadata(name="register_user", schema_version=1)


class RenameUser(Command):
    """Give a user another name."""

    user_id: int
    name: str
    metadata: Metadata = Metadata(name="rename_user", schema_version=1)


class UserEvent(Event):
    """Base of what happens to users."""

    user_id: int
    name: str
    email: str


class UserRegistered(UserEvent):
    """A user is new here."""

    metadata: Metadata = Metadata(name="user_registered", schema_version=1)


class UserRenamed(UserEvent):
    """A user has another name."""

    metadata: Metadata = Metadata(name="user_renamed", schema_version=1)


@event(frozen=True)
class Notification:
    """What somebody is told."""

    to: str
    text: str

"""The messages and models that the workloads use, for this version and for the older one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, create_model

from messagebus import Command, Event, Message, Metadata, Model

AnyMessage: TypeAlias = Message[Any]


class Register(Command):
    """A command with two fields."""

    id: str
    title: str
    metadata: Metadata = Metadata(name="register", schema_version=1)


class Registered(Event):
    """An event with two fields."""

    id: str
    title: str
    metadata: Metadata = Metadata(name="registered", schema_version=1, published=True)


class Book(Model):
    """What raises the events."""

    id: str


class Plain(BaseModel):
    """A model with two fields, and nothing of a message."""

    id: str
    title: str


class MetadataByHand(BaseModel):
    """Metadata that pydantic need not copy for each message."""

    model_config = ConfigDict(frozen=True)

    name: str
    schema_version: int
    published: bool = False


class RegisterByHand(BaseModel):
    """The same command, as one writes it without a library."""

    message_id: UUID = Field(default_factory=uuid4)
    created_at: datetime = Field(default_factory=partial(datetime.now, UTC))
    metadata: MetadataByHand = MetadataByHand(name="register", schema_version=1)
    id: str
    title: str


@cache
def events(count: int) -> list[AnyMessage]:
    """Make that many events, once for all who need them."""
    return [Registered(id=str(index), title="A title") for index in range(count)]


@cache
def commands(count: int) -> list[AnyMessage]:
    """Make that many classes of commands, and a command of each, once for all who need them."""
    return [_command(f"Command{index}") for index in range(count)]


def _command(name: str) -> AnyMessage:
    metadata = Metadata(name=name, schema_version=1)
    kind: type[Command] = create_model(name, __base__=Command, metadata=(Metadata, metadata))
    return kind(metadata=metadata)

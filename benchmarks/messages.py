"""The messages and models of the workloads, for this version and the older one."""

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
    """The model that raises the events."""

    id: str


class Plain(BaseModel):
    """A model with two fields that is no message."""

    id: str
    title: str


class MetadataByHand(BaseModel):
    """Metadata that pydantic does not copy for each message."""

    model_config = ConfigDict(frozen=True)

    name: str
    schema_version: int
    published: bool = False


class RegisterByHand(BaseModel):
    """The same command, written without a library."""

    message_id: UUID = Field(default_factory=uuid4)
    created_at: datetime = Field(default_factory=partial(datetime.now, UTC))
    metadata: MetadataByHand = MetadataByHand(name="register", schema_version=1)
    id: str
    title: str


@cache
def events(count: int) -> list[AnyMessage]:
    """Create *count* events, shared by all contenders."""
    return [Registered(id=str(index), title="A title") for index in range(count)]


@cache
def commands(count: int) -> list[AnyMessage]:
    """Create *count* command classes and a command of each, shared by all contenders."""
    return [_command(f"Command{index}") for index in range(count)]


def _command(name: str) -> AnyMessage:
    metadata = Metadata(name=name, schema_version=1)
    kind: type[Command] = create_model(name, __base__=Command, metadata=(Metadata, metadata))
    return kind(metadata=metadata)

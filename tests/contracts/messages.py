"""A message with a field of every kind that a schema describes in its own way, and a bus for it."""

from __future__ import annotations

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar
from uuid import UUID

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    RootModel,
    Tag,
    computed_field,
)

from messagebus import Command, Event, Metadata, SyncMessageBus

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["dog"] = "dog"
    name: str


class Tree(BaseModel):
    """Contains itself."""

    value: int
    branches: list[Tree] = Field(default=[])


class Page(BaseModel, Generic[T]):
    items: list[T]
    following: T | None = None


class Codes(RootModel[list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]]]):
    pass


class Written(BaseModel):
    """Has a name of its own in what is written."""

    model_config = ConfigDict(serialize_by_alias=True, extra="forbid")

    long_name: int = Field(alias="longName")


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Square(BaseModel):
    side: int = 1


class Circle(BaseModel):
    radius: int = 1


def shape_of(value: Any) -> str:
    """Return which shape a value is."""
    known = value if isinstance(value, dict) else value.model_dump()
    return "circle" if "radius" in known else "square"


Shape = Annotated[
    Annotated[Square, Tag("square")] | Annotated[Circle, Tag("circle")], Discriminator(shape_of)
]


class Everything(Event):
    """Has a field of every kind.

    And more lines.
    """

    metadata: Metadata = Metadata(name="everything", schema_version=1, published=True)
    ordering_key = "key"

    key: str
    count: PositiveInt = 1
    ratio: Annotated[float, Field(allow_inf_nan=False)]
    price: Decimal
    cost: Annotated[Decimal, Field(max_digits=6, decimal_places=2)]
    colour: Colour
    size: Literal["s", "m"] | None = None
    at: datetime
    day: date
    hour: time
    lasting: timedelta
    id: UUID
    pet: Pet
    pets: dict[str, Optional[Pet]] = Field(default={})  # noqa: UP045 - as many write it
    shape: Shape
    tree: Tree
    page: Page[Tree]
    words: Page[str]
    pair: tuple[int, str]
    tags: set[str]
    codes: Codes
    written: Written
    mixed: Any = None
    renamed: str = Field(validation_alias=AliasChoices("reNamed", "other"))
    secret: str = Field(default="", exclude=True)

    @computed_field
    def total(self) -> int:
        """Return something that is written, and never read."""
        return self.count * 2


class Wrapped(Event):
    """Carries another message."""

    model_config = ConfigDict(extra="forbid")

    metadata: Metadata = Metadata(name="wrapped", schema_version=2, published=True)

    inner: Inner
    again: Wrapped | None = None


class Inner(Event):
    model_config = ConfigDict(extra="forbid")

    metadata: Metadata = Metadata(name="inner", schema_version=1)

    value: int


class Created(Event, Generic[T]):
    """Is one message, whatever it carries."""

    metadata: Metadata = Metadata(name="created", schema_version=1, published=True)

    what: T


class Heard(Command):
    metadata: Metadata = Metadata(name="heard", schema_version=3)

    number: int = Field(alias="n")


PUBLISHED = (Everything, Wrapped, Created[Cat], Created[Tree])


def new_bus() -> SyncMessageBus[Any]:
    """Return a bus that hears the messages."""
    bus: SyncMessageBus[Any] = SyncMessageBus()

    def heard(command: Heard, uow: Any) -> None: ...

    def cat(event: Created[Cat], uow: Any) -> None: ...

    def tree(event: Created[Tree], uow: Any) -> None: ...

    bus.add_listener(Heard, heard)
    bus.add_listener(Created[Cat], cat)
    bus.add_listener(Created[Tree], tree)
    return bus

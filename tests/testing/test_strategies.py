"""The strategy for messages: whatever a class declares, its messages are valid."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FutureDate,
    NaiveDatetime,
    PastDatetime,
    PositiveInt,
    SecretStr,
    StringConstraints,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from examples.shipping import messages as shipping
from examples.shop import messages as shop
from messagebus import (
    Command,
    ConfigurationError,
    Event,
    Field,
    GenericEvent,
    Metadata,
    Model,
)
from messagebus.serialization.deserializer import MessageDeserializer
from messagebus.serialization.serializer import MessageSerializer
from messagebus.testing.strategies import messages
from tests.library import Created

quick = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
T = TypeVar("T")
METADATA = Metadata(name="sold", schema_version=1)
Code = TypeAliasType("Code", Annotated[str, Field(pattern=r"^[A-Z]{2}-\d$")])
Cents = NewType("Cents", int)


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Size(TypedDict, total=False):
    """A size."""

    width: Annotated[int, Field(gt=0)]


@dataclass
class Place:
    """A place."""

    city: Annotated[str, Field(min_length=2)]


class Pair(NamedTuple):
    """A pair."""

    left: int
    right: Colour


class Node(BaseModel):
    """A tree."""

    name: str
    children: list[Node] = []
    by_name: dict[str, Node] = Field(default_factory=dict)
    parent: Node | None = None


class Small(Event):
    """An event in another one."""

    sku: Code
    metadata: Metadata = Metadata(name="small", schema_version=1)


def is_lucky(number: int) -> int:
    """Refuse numbers that end in 3."""
    if number % 10 == 3:
        raise ValueError("unlucky")
    return number


class Sold(Event):
    """An event with fields of all kinds."""

    text: Annotated[str, Field(min_length=2, max_length=5)]
    name: Annotated[str, Field(min_length=1, max_length=9, pattern=r"^\P{C}+$")]
    code: Code
    upper: Annotated[str, StringConstraints(to_upper=True, max_length=3)]
    positive: PositiveInt
    step: Annotated[int, Field(ge=1, le=100, multiple_of=7)]
    lucky: Annotated[int, AfterValidator(is_lucky)]
    ratio: Annotated[float, Field(gt=0, lt=1)]
    price: Annotated[Decimal, Field(gt=0, max_digits=6, decimal_places=2)]
    amount: Decimal
    cents: Cents
    aware: AwareDatetime
    naive: NaiveDatetime
    past: PastDatetime
    later: FutureDate
    at: datetime
    day: date
    clock: time
    span: timedelta
    id: UUID
    data: bytes
    flag: bool
    kind: Literal["a", 1]
    secret: SecretStr
    aliased: Annotated[int, Field(alias="Aliased", ge=2)]
    default: Annotated[int, Field(ge=9)] = 9
    metadata: Metadata = METADATA


class Packed(Event):
    """An event with fields that hold others."""

    colour: Colour
    either: Annotated[int, Field(ge=5)] | Small | None
    listed: Annotated[list[Annotated[int, Field(le=3)]], Field(min_length=1, max_length=3)]
    unique: set[int]
    frozen: frozenset[str]
    queue: deque[int]
    pair: tuple[int, str]
    many: tuple[int, ...]
    by_name: dict[Code, int]
    mapping: Mapping[str, Sequence[int]]
    size: Size
    place: Place
    named: Pair
    tree: Node
    anything: Any
    bare: list  # type: ignore[type-arg]
    bare_mapping: dict  # type: ignore[type-arg]
    metadata: Metadata = METADATA


@quick
@given(messages(Sold))
def test_every_field_has_a_valid_value(sold: Sold) -> None:
    """Within its bounds; the envelope is that of any message."""
    assert 2 <= len(sold.text) <= 5
    assert 0 == sold.step % 7
    assert 3 != sold.lucky % 10
    assert 0.0 < sold.ratio < 1.0
    assert sold.price == round(sold.price, 2)
    assert sold.aware.utcoffset() is not None
    assert sold.naive.tzinfo is None
    assert sold.at.utcoffset() is not None
    assert sold.default >= 9
    assert (7, METADATA) == (sold.message_id.version, sold.metadata)
    assert sold == Sold.model_validate(dict(sold, Aliased=sold.aliased))


@quick
@given(messages(Packed))
def test_what_fields_hold_is_valid_as_well(packed: Packed) -> None:
    """In collections, nested models and other classes."""
    assert 1 <= len(packed.listed) <= 3
    assert max(packed.listed) <= 3
    assert len(packed.place.city) >= 2
    assert packed.size.get("width", 1) > 0
    assert isinstance(packed.tree, Node)
    assert packed == Packed.model_validate(dict(packed))


@pytest.mark.slow
@pytest.mark.parametrize(
    "cls",
    [
        each
        for module in (shop, shipping)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, (Command, Event))
        if each.__module__ == module.__name__ and "metadata" in each.__annotations__
    ],
)
@quick
@given(data=st.data())
def test_what_is_made_up_comes_back_from_the_wire(cls: type[Any], data: st.DataObject) -> None:
    """The property that a test of an application begins with."""
    message = data.draw(messages(cls))
    wire = MessageSerializer().serialize_message(message)
    assert message == MessageDeserializer([cls]).deserialize_message(wire)


def test_the_examples_have_classes_to_test() -> None:
    """The test above has parameters."""
    assert shop.TakeOrder.__annotations__


class Choice(Event):
    """An event with alternatives."""

    either: Annotated[int, Field(ge=5)] | Small | None
    colour: Colour
    size: Size
    listed: Annotated[list[int], Field(max_length=2)]
    metadata: Metadata = Metadata(name="choice", schema_version=1)


@pytest.mark.parametrize(
    "condition",
    [
        lambda choice: choice.either is None,
        lambda choice: isinstance(choice.either, Small),
        lambda choice: isinstance(choice.either, int),
        lambda choice: choice.colour is Colour.BLUE,
        lambda choice: choice.size == {},
        lambda choice: "width" in choice.size,
        lambda choice: len(choice.listed) == 2,
    ],
)
def test_a_strategy_finds_what_a_class_allows(condition: Callable[[Choice], bool]) -> None:
    """Each member of a union, none and some."""
    options = settings(max_examples=500, deadline=None, database=None, phases=[Phase.generate])
    assert isinstance(find(messages(Choice), condition, settings=options), Choice)


class Range(Command):
    """A command whose fields depend on each other."""

    least: int
    most: int
    metadata: Metadata = Metadata(name="range", schema_version=1)

    @model_validator(mode="after")
    def ordered(self) -> Range:
        """Refuse an empty range."""
        if self.least > self.most:
            raise ValueError("empty")
        return self


@quick
@given(messages(Range), messages(Range, least=st.just(1)))
def test_values_that_do_not_fit_together_are_not_made_up(every: Range, some: Range) -> None:
    """A strategy for a field replaces that of its type."""
    assert every.least <= every.most
    assert (1, True) == (some.least, some.most >= 1)


class Basket(Model):
    """A model."""

    id: str
    items: list[int]


class Strict(Event):
    """An event that converts nothing."""

    model_config = ConfigDict(strict=True)

    number: int
    at: datetime
    metadata: Metadata = Metadata(name="strict", schema_version=1)


class Got(GenericEvent[Metadata], Generic[T]):
    """A generic event."""

    thing: T
    metadata: Metadata = Metadata(name="got", schema_version=1)


@quick
@given(messages(Basket), messages(Strict), messages(Created[int]), messages(Got[Basket]))
def test_models_strict_and_generic_classes_are_made_up(
    basket: Basket, strict: Strict, created: Created[int], got: Got[Basket]
) -> None:
    """A model has raised nothing."""
    assert [] == basket.messages
    assert int is type(strict.number)
    assert isinstance(created.entity, int)
    assert isinstance(got.thing, Basket)


class Socket:
    """A class that nothing is known about."""

    def __init__(self, number) -> None:  # type: ignore[no-untyped-def]
        """Take a number of an unknown type."""


class Opened(Event):
    """An event with such a field."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    socket: Socket
    other: Socket | None = None
    metadata: Metadata = Metadata(name="opened", schema_version=1)


def test_an_unknown_type_is_an_error_that_names_the_field() -> None:
    """A strategy for it can be passed; one with a default is left alone."""
    with pytest.raises(ConfigurationError, match=r"Opened\.socket") as caught:
        messages(Opened)
    assert "messages(Opened, ...=...)" in caught.value.__notes__[0]
    strategy = messages(Opened, socket=st.builds(Socket, st.integers()))
    assert find(strategy, lambda _: True).other is None


class Endless(BaseModel):
    """A model that always holds another one."""

    other: Endless


def test_a_model_that_holds_another_one_without_end_is_an_error() -> None:
    """No value of it can be made."""
    with pytest.raises(ConfigurationError, match=r"Endless\.other in Endless\.other"):
        messages(Endless)


def test_an_unknown_field_is_an_error_that_names_it() -> None:
    """A misspelt one would not be tested."""
    with pytest.raises(ConfigurationError, match="Range has no field leats"):
        messages(Range, leats=st.just(1))


def test_without_hypothesis_the_error_names_the_extra() -> None:
    """The rest of the kit works without it."""
    program = (
        "import sys; sys.modules['hypothesis'] = None; import messagebus.testing; "
        "import messagebus.testing.strategies"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )
    assert 1 == finished.returncode
    assert "messagebus.testing.strategies needs the extra 'testing'" in finished.stderr

"""The messages of the models inside of a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, NewType, Optional, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel, create_model
from typing_extensions import TypeAliasType, TypedDict

from messagebus import AsyncAbstractRepository, AsyncMessageBus, Event, Metadata, Model
from tests._async.fakes import AsyncLibrary
from tests.library import BorrowBook

T = TypeVar("T")


class Raised(Event):
    """An event with a text."""

    text: str = "part"
    metadata: Metadata = Metadata(name="raised", schema_version=1)


class Part(Model):
    """A model that is a part of another one."""

    model_config = ConfigDict(frozen=True)

    name: str = "part"

    def change(self) -> Part:
        """Raise an event."""
        self.messages.append(Raised(text=self.name))
        return self


class Special(Part):
    """A part that is not named in any annotation."""


class Value(BaseModel):
    """An object of pydantic that is no model."""

    part: Part


class Crate(BaseModel, Generic[T]):
    """A generic one."""

    content: T


class Parts(RootModel[list[Part]]):
    """A list of them."""


@dataclass
class Plain:
    """A dataclass."""

    part: Part


@dataclass(slots=True)
class Slotted:
    """A dataclass without a dictionary."""

    part: Part


class Pair(NamedTuple):
    """A named tuple."""

    number: int
    part: Part


class Entry(TypedDict):
    """A typed dictionary."""

    part: Part


class Mixin:
    """A class that is no model, of which a model derives."""


class Mixed(Part, Mixin):
    """Such a model."""


Tree = TypeAliasType("Tree", "Part | list[Tree]")
Named = NewType("Named", list[Part])

HOLDERS: dict[str, tuple[Any, Callable[[Part], Any]]] = {
    "a field": (Part, lambda part: part),
    "a subclass": (Model, lambda part: part),
    "optional": (Optional[Part], lambda part: part),  # noqa: UP045
    "a union": (int | Part, lambda part: part),
    "annotated": (Annotated[Part | int, "part"], lambda part: part),
    "a list": (list[Part], lambda part: [part]),
    "a tuple": (tuple[int, Part], lambda part: (1, part)),
    "a tuple of any length": (tuple[Part, ...], lambda part: (part,)),
    "a set": (set[Part], lambda part: {part}),
    "a frozen set": (frozenset[Part], lambda part: frozenset([part])),
    "a deque": (deque[Part], lambda part: deque([part])),
    "a dictionary": (dict[str, Part], lambda part: {"a": part}),
    "the keys of a dictionary": (dict[Part, int], lambda part: {part: 1}),
    "a sequence": (Sequence[Part], lambda part: [part]),
    "a mapping": (Mapping[str, Part], lambda part: {"a": part}),
    "one of two lists": (list[int] | list[Part], lambda part: [part]),
    "containers in containers": (
        dict[str, list[tuple[Part, ...] | None]],
        lambda part: {"a": [None, (part,)]},
    ),
    "anything": (Any, lambda part: [part]),
    "any object": (object, lambda part: {"a": [part]}),
    "a bare list": (list, lambda part: [part]),
    "an object of pydantic": (Value, lambda part: Value(part=part)),
    "a generic object of pydantic": (Crate[Part], lambda part: Crate[Part](content=part)),
    "a root model": (Parts, lambda part: Parts([part])),
    "a dataclass": (Plain, Plain),
    "a dataclass with slots": (Slotted, Slotted),
    "a named tuple": (Pair, lambda part: Pair(1, part)),
    "a typed dictionary": (Entry, lambda part: Entry(part=part)),
    "a base class that is no model": (Mixin | None, lambda _part: Mixed().change()),
    "a recursive alias": (Tree, lambda part: [[part]]),
    "a new type": (Named, lambda part: [part]),
}


class AsyncWholes(AsyncAbstractRepository[Any]):
    """A repository of models of any class."""


class AsyncWorkshop(AsyncLibrary):
    """A unit of work with such a repository."""

    def __init__(self) -> None:
        super().__init__()
        self.wholes = AsyncWholes()
        self.others = AsyncWholes()

    def see(self, *models: Any) -> list[str]:
        """Return what is collected after these models were seen."""
        self.wholes.seen.extend(models)
        return [each.text for each in self.collect_new_events()]  # type: ignore[attr-defined]


@pytest.fixture
def work() -> AsyncWorkshop:
    """Return a unit of work."""
    return AsyncWorkshop()


@pytest.mark.parametrize("case", HOLDERS)
def test_an_event_of_a_model_inside_of_a_model_is_collected(work: AsyncWorkshop, case: str) -> None:
    """It is collected once, with those of the outer one, in the order of raising."""
    annotation, hold = HOLDERS[case]

    class Base(Model):
        model_config = ConfigDict(arbitrary_types_allowed=True)

    whole: Any = create_model("Whole", __base__=Base, inside=(annotation, ...))
    model = whole(inside=hold(Special().change()))
    model.messages.append(Raised(text="whole"))

    assert ["part", "whole"] == work.see(model)
    assert [] == work.see(model)


async def test_the_event_of_a_part_is_handled(work: AsyncWorkshop) -> None:
    """It is handled in the same transaction, after the command that changed the part."""
    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    heard: list[str] = []

    class Whole(Model):
        parts: list[Part]

    async def borrow(_command: BorrowBook, _uow: Any) -> None:
        whole = Whole(parts=[Part(name="a"), Part(name="b")])
        work.wholes.seen.append(whole)
        for part in reversed(whole.parts):
            part.change()

    async def hear(event: Raised, _uow: Any) -> None:
        heard.append(event.text)

    bus.add_listener(BorrowBook, borrow)
    bus.add_listener(Raised, hear)
    async with work as transaction:
        await bus.handle(BorrowBook(id="1"), transaction)
        await transaction.commit()

    assert ["b", "a"] == heard


class Node(Model):
    """A model that holds models of its own class."""

    name: str
    next: Node | None = None
    children: Sequence[Node] = ()

    def change(self) -> None:
        """Raise an event."""
        self.messages.append(Raised(text=self.name))


def test_each_model_counts_once(work: AsyncWorkshop) -> None:
    """Circles end, and a child that several models share is collected once."""
    first, second, shared = Node(name="first"), Node(name="second"), Node(name="shared")
    first.next, second.next = second, first
    first.children = [shared, shared, first]
    second.children = [shared]
    for node in (shared, first, second):
        node.change()
    work.others.seen.extend([second, first])

    assert ["shared", "first", "second"] == work.see(first, first, shared)
    assert [] == work.see(first, second)


def test_equal_models_are_told_apart(work: AsyncWorkshop) -> None:
    """Identity counts, not equality."""
    whole = Node(name="whole", children=[Node(name="a"), Node(name="a")])
    for child in whole.children:
        child.change()

    assert ["a", "a"] == work.see(whole)


def test_models_may_be_nested_deeply(work: AsyncWorkshop) -> None:
    """Deeper than Python may recurse."""
    deepest = outer = Node(name="deepest")
    for _ in range(5_000):
        inner, outer = outer, Node(name="outer")
        outer.next = inner
    deepest.change()

    assert ["deepest"] == work.see(outer)


def test_unknown_fields_of_a_model_are_searched(work: AsyncWorkshop) -> None:
    """Where the class allows them."""

    class Open(Model):
        model_config = ConfigDict(extra="allow")

    assert ["part"] == work.see(Open.model_validate({"more": [Part().change()]}))


class Untouched(list[Any]):
    """A list that nobody may look into."""

    def __iter__(self) -> Iterator[Any]:
        """Fail."""
        raise AssertionError


class Simple(Model):
    """A model whose fields cannot hold models, and that holds one all the same."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    numbers: Sequence[int] = ()
    texts: Mapping[str, tuple[str, ...]] | None = None
    call: Callable[[Part], Part] | None = None
    kind: type[Part] = Part
    event: Event | None = None
    _private: Any = PrivateAttr(default=None)


def test_fields_whose_annotation_cannot_hold_a_model_are_not_searched(
    work: AsyncWorkshop,
) -> None:
    """Neither are private attributes, and what a message holds is no part."""
    model = Simple(event=Raised())
    model._private = Part().change()
    model.__dict__["numbers"] = Untouched()

    assert [] == work.see(model)


def test_a_subclass_has_fields_of_its_own(work: AsyncWorkshop) -> None:
    """What was found for its base class does not count, whichever was seen first."""

    class Larger(Simple):
        part: Part

    assert [] == work.see(Simple())
    assert ["part"] == work.see(Larger(part=Part().change()))
    assert [] == work.see(Simple())


@dataclass(eq=False)
class Mapped:
    """A class as an ORM maps it: it has a list of messages, and is no model of this package."""

    name: str
    children: list[Mapped] = field(default_factory=Untouched)
    messages: list[Any] = field(default_factory=list)


def test_a_class_with_a_list_of_messages_works_as_a_model(work: AsyncWorkshop) -> None:
    """Its messages are collected, and its relationships are not touched."""
    mapped = Mapped("a")
    mapped.messages.append(Raised(text="a"))

    assert ["a"] == work.see(mapped)
    assert [] == mapped.messages


def test_a_rollback_drops_the_messages_of_parts(work: AsyncWorkshop) -> None:
    """Like those of the outer model."""
    part = Part().change()
    whole: Any = create_model("Whole", __base__=Model, part=(Part, ...))
    work.wholes.seen.append(whole(part=part))
    list(work.collect_new_events())

    assert [] == part.messages

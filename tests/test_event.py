"""The decorator that turns classes into events."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
from typing import Any, Generic, TypeVar

import pytest

from messagebus import event

T = TypeVar("T")


@event
class Moved:
    x: int
    y: int = 0


@event
class Created(Generic[T]):
    entity: T
    note: str = ""


@event(frozen=True)
class Deleted(Generic[T]):
    entity: T


@event
class Recreated(Created[T], Generic[T]):
    times: int = 1


@event(frozen=True)
class Destroyed(Deleted[T], Generic[T]):
    times: int = 1


def test_an_event_is_a_dataclass_with_slots() -> None:
    """It compares and shows its fields, and accepts no other attributes."""
    moved = Moved(1)

    assert Moved(1, 0) == moved
    assert "Moved(x=1, y=0)" == repr(moved)
    assert ("x", "y") == Moved.__slots__ == Moved.__match_args__  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        moved.z = 2  # type: ignore[attr-defined]


def test_options_are_those_of_dataclasses() -> None:
    """Events can be frozen, or take keywords only."""

    @event(frozen=True, kw_only=True, order=True)
    class Ranked:
        rank: int

    assert Ranked(rank=1) < Ranked(rank=2)
    assert 1 == len({Ranked(rank=1), Ranked(rank=1)})
    with pytest.raises(dataclasses.FrozenInstanceError):
        Ranked(rank=1).rank = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        Ranked(1)  # type: ignore[call-arg]


@pytest.mark.parametrize("generic", [Created, Deleted, Recreated, Destroyed])
def test_a_generic_event_remembers_its_type_arguments(generic: Any) -> None:
    """They are in a slot that is not a field."""
    made = generic[int](1)

    assert generic[int] == made.__orig_class__
    assert not hasattr(generic(1), "__orig_class__")
    assert generic(1) == made
    assert "__orig_class__" not in repr(made)
    assert "__orig_class__" not in [field.name for field in dataclasses.fields(generic)]
    assert "__orig_class__" not in generic.__annotations__
    assert "__orig_class__" not in dataclasses.asdict(made)
    assert not hasattr(made, "__dict__")


def test_a_frozen_event_remembers_its_type_arguments() -> None:
    """Nothing else can be set."""
    deleted = Deleted[int](1)

    with pytest.raises(dataclasses.FrozenInstanceError):
        deleted.entity = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del deleted.entity
    assert hash(Deleted(1)) == hash(deleted)


@pytest.mark.parametrize(
    "made",
    [
        Moved(1, 2),
        Created[int](1, "note"),
        Deleted(1),
        Deleted[int](1),
        Deleted[list[int]]([1]),
        Recreated(2),
        Destroyed[int](1),
    ],
)
def test_events_are_copied_and_pickled(made: Any) -> None:
    """The copy is equal, and keeps the type arguments, frozen or not."""
    for copied in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301
        assert made == copied
        assert getattr(made, "__orig_class__", None) == getattr(copied, "__orig_class__", None)


@pytest.mark.parametrize("frozen", [True, False])
def test_an_event_with_a_state_of_its_own_keeps_its_type_arguments(frozen: bool) -> None:
    """Its methods decide about the fields only."""

    class Sealed(Generic[T]):
        entity: T

        def __getstate__(self) -> Any:
            return {"sealed": self.entity}

        def __setstate__(self, state: Any) -> None:
            object.__setattr__(self, "entity", state["sealed"])

    options: Any = {"frozen": frozen}
    sealed: Any = event(**options)(Sealed)
    made = sealed[int](1)

    for copied in (copy.copy(made), copy.deepcopy(made)):
        assert made == copied
        assert sealed[int] == copied.__orig_class__


@pytest.mark.skipif(sys.version_info < (3, 14), reason="earlier, they are evaluated at once")
def test_a_generic_event_may_have_an_annotation_for_type_checkers() -> None:
    """PEP 649: its names are unknown when the class is defined, and later too."""
    names: dict[str, Any] = {**globals(), "__name__": __name__}
    source = "@event(frozen=True)\nclass Priced(Generic[T]):\n    entity: T\n    price: Decimal"
    exec(compile(source, "<late>", "exec", dont_inherit=True), names)  # noqa: S102

    assert names["Priced"][int] == copy.copy(names["Priced"][int](1, 2)).__orig_class__


def test_events_are_matched_by_patterns() -> None:
    """Patterns match its fields by position and by name."""
    match Created(1, "note"):
        case Created(entity, note="note"):
            assert 1 == entity
        case _:
            pytest.fail("no match")


def test_methods_of_an_event_find_their_base() -> None:
    """`super()` without arguments works, although slots need a new class."""

    @event
    class Base:
        x: int

        def __post_init__(self) -> None:
            self.x += 1

        @classmethod
        def zero(cls) -> Any:
            return cls(0)

        @property
        def double(self) -> int:
            return 2 * self.x

    @event
    class Derived(Base):
        y: int = 0

        def __post_init__(self) -> None:
            super().__post_init__()
            self.y = self.x

        @classmethod
        def zero(cls) -> Any:
            return super().zero()

        @property
        def double(self) -> int:
            return super().double + 1

        def other(self) -> type:
            return later

    later = Derived
    assert Derived(1).y == 2
    assert Derived.zero().x == 1
    assert Derived(1).double == 5
    assert Derived(1).other() is Derived


def test_a_subclass_without_the_decorator_is_an_ordinary_class() -> None:
    """It inherits the fields, and may have further attributes."""

    class Far(Moved):
        pass

    assert Far(1, 2).y == 2


def test_an_event_keeps_its_name_and_docstring() -> None:
    """Its module and qualified name are those of the class."""
    assert ("Moved", __name__) == (Moved.__qualname__, Moved.__module__)

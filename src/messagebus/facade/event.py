"""The decorator that turns a class into one of events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CellType, FunctionType
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")

_MEMORY = "__orig_class__"
"""The attribute in which `typing` notes the alias that an instance was made through."""


@overload
def event(cls: type[T], /) -> type[T]: ...
@overload
def event(
    *,
    frozen: bool = ...,
    kw_only: bool = ...,
    eq: bool = ...,
    order: bool = ...,
    repr: bool = ...,
    unsafe_hash: bool = ...,
) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform()
def event(cls: type[Any] | None = None, /, **options: Any) -> Any:
    """Make a dataclass with slots of a class, for events.

    An event of a generic class that is made through ``Created[User](...)`` remembers that; handlers
    of ``Created[User]`` are found by it.

    Args:
        cls: the class, with annotated fields; without it, a decorator is returned.
        options: those of `dataclasses.dataclass` but *slots* and *weakref_slot*.
    """
    if cls is None:
        return lambda decorated: _made(decorated, options)
    return _made(cls, options)


def _made(cls: type[Any], options: dict[str, Any]) -> type[Any]:
    remembers = getattr(cls, "__parameters__", ()) and not hasattr(cls, _MEMORY)
    if remembers:
        # A field is what makes a slot; it is taken back before anyone sees it.
        cls.__annotations__[_MEMORY] = Any
        setattr(cls, _MEMORY, field(init=False, repr=False, compare=False))
    made = dataclass(cls, slots=True, **options)
    if remembers:
        del made.__annotations__[_MEMORY], made.__dataclass_fields__[_MEMORY]
        if options.get("frozen"):
            setattr(made, "__setattr__", _but_memory(vars(made)["__setattr__"]))  # noqa: B010 - a function
    _let_methods_find(cls, made)
    return made


def _but_memory(frozen: Callable[[Any, str, Any], None]) -> Callable[[Any, str, Any], None]:
    """Let what makes an instance through an alias note that alias, and change nothing else."""

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
        if name == _MEMORY:
            object.__setattr__(self, name, value)
        else:
            frozen(self, name, value)

    return __setattr__


def _let_methods_find(cls: type[Any], made: type[Any]) -> None:
    """Let `super` in methods find the class that slots have put in the place of theirs."""
    for member in vars(made).values():
        for function in (member, getattr(member, "fget", None), getattr(member, "__func__", None)):
            if not isinstance(function, FunctionType):
                continue
            for cell in function.__closure__ or ():
                if _holds(cell, cls):
                    cell.cell_contents = made


def _holds(cell: CellType, cls: type[Any]) -> bool:
    try:
        return cell.cell_contents is cls
    except ValueError:  # not filled yet
        return False

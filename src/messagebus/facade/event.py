"""The `event` decorator for classes of events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CellType, FunctionType
from typing import Any, TypeVar, dataclass_transform, overload

from .._introspection.late import annotations_of

T = TypeVar("T")

_ALIAS = "__orig_class__"
"""The attribute in which `typing` stores the alias through which an instance was made."""


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
    """Convert a class of events to a dataclass with slots.

    An event that is made through ``Created[User](...)``, where ``Created`` is a generic class,
    remembers its type argument, so handlers of ``Created[User]`` receive it.

    Args:
        cls: the class, with annotated fields. Without it, a decorator is returned.
        options: the options of `dataclasses.dataclass`, except *slots* and *weakref_slot*.
    """
    if cls is None:
        return lambda decorated: _make_dataclass(decorated, options)
    return _make_dataclass(cls, options)


def _make_dataclass(cls: type[Any], options: dict[str, Any]) -> type[Any]:
    remembers = getattr(cls, "__parameters__", ()) and not hasattr(cls, _ALIAS)
    if remembers:
        # Only a field makes a slot. The field is removed below, the slot stays.
        cls.__annotations__ = {**annotations_of(cls), _ALIAS: Any}
        setattr(cls, _ALIAS, field(init=False, repr=False, compare=False))
    made = dataclass(cls, slots=True, **options)
    if remembers:
        del made.__annotations__[_ALIAS], made.__dataclass_fields__[_ALIAS]
    if hasattr(made, _ALIAS):
        if options.get("frozen"):
            setattr(made, "__setattr__", _allow_alias(vars(made)["__setattr__"]))  # noqa: B010 - a function
        if hasattr(made, "__setstate__"):
            _copy_alias(made)
    _rebind_super(cls, made)
    return made


def _allow_alias(frozen: Callable[[Any, str, Any], None]) -> Callable[[Any, str, Any], None]:
    """Return a ``__setattr__`` that is frozen except for the alias, which `typing` stores."""

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
        if name == _ALIAS:
            object.__setattr__(self, name, value)
        else:
            frozen(self, name, value)

    return __setattr__


def _copy_alias(made: Any) -> None:
    """Let copies and pickles keep the alias, which is no field."""
    read, write = made.__getstate__, made.__setstate__

    def __getstate__(self: Any) -> Any:  # noqa: N807
        return read(self), getattr(self, _ALIAS, None)

    def __setstate__(self: Any, state: Any) -> None:  # noqa: N807
        values, alias = state
        write(self, values)
        if alias is not None:
            object.__setattr__(self, _ALIAS, alias)

    made.__getstate__, made.__setstate__ = __getstate__, __setstate__


def _rebind_super(cls: type[Any], made: type[Any]) -> None:
    """Let ``super()`` in methods find *made*: a dataclass with slots is a class of its own."""
    for member in vars(made).values():
        for function in (member, getattr(member, "fget", None), getattr(member, "__func__", None)):
            if isinstance(function, FunctionType):
                for cell in function.__closure__ or ():
                    if _holds(cell, cls):
                        cell.cell_contents = made


def _holds(cell: CellType, cls: type[Any]) -> bool:
    try:
        return cell.cell_contents is cls
    except ValueError:  # still empty
        return False

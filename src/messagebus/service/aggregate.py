"""The models inside of a model: which fields can hold some, and which there are."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from .._introspection.generics import ALIASES, UNIONS, split, unwrap, variants
from ..domain.model import GenericModel, Message
from ..exceptions import AnnotationError

_ITEMS = (list, tuple, set, frozenset, deque)
_EXTRA = "__pydantic_extra__"

Reader = Callable[[Any], Iterable[Any]]
"""Returns the values of an object that may be models or hold some."""

_readers: WeakKeyDictionary[type, Reader | None] = WeakKeyDictionary()


def can_hold_models(model: object) -> bool:
    """Tell whether fields of a model can hold models; its class remembers the answer."""
    if not isinstance(model, GenericModel):
        return False  # a class of an ORM, whose relationships might be loaded
    cls = type(model)
    if cls.__holds_models__ is None:
        cls.__holds_models__ = _reader(cls) is not None
    return cls.__holds_models__


def models_within(roots: Iterable[GenericModel[Any]]) -> Iterator[GenericModel[Any]]:
    """Return the models in the fields of models, in the fields of those, and so on.

    Args:
        roots: the models to begin with, which are results only if another one holds them.

    Returns:
        Each model once.
    """
    known: set[int] = set()
    for root in roots:
        waiting = list((_reader_of(type(root)) or _read_nothing)(root))
        while waiting:
            value = waiting.pop()
            read = _reader_of(type(value))
            is_model = isinstance(value, GenericModel)
            if (read is None and not is_model) or id(value) in known:
                continue
            known.add(id(value))
            if is_model:
                yield value
            if read is not None:
                waiting.extend(read(value))


def _read_nothing(_value: Any) -> Iterable[Any]:
    return ()


def _reader_of(cls: type) -> Reader | None:
    read = _readers.get(cls, _read_nothing)
    return _reader(cls) if read is _read_nothing else read


def _reader(cls: type) -> Reader | None:
    """Return how to read the values of instances of a class; None if no value can be a model."""
    read = _new_reader(cls)
    _readers[cls] = read
    return read


def _new_reader(cls: type) -> Reader | None:
    if issubclass(cls, _ITEMS):
        return iter
    if issubclass(cls, dict):
        return _keys_and_values
    names = tuple(name for name, annotation in _fields(cls) if _may_hold(annotation, set()))
    if not names:
        return None
    return lambda value: [
        item
        for name in names
        for item in (
            (getattr(value, name, None) or {}).values()
            if name == _EXTRA
            else (getattr(value, name, None),)
        )
    ]


def _keys_and_values(mapping: dict[Any, Any]) -> Iterator[Any]:
    yield from mapping
    yield from mapping.values()


def _fields(cls: type) -> list[tuple[str, Any]]:
    """Return names and annotations of the fields of a class; a message has no parts."""
    if issubclass(cls, Message):
        return []
    if issubclass(cls, BaseModel):
        fields = [(name, field.annotation) for name, field in cls.model_fields.items()]
        extra = [(_EXTRA, Any)] if cls.model_config.get("extra") == "allow" else []
        return fields + extra
    if dataclasses.is_dataclass(cls):
        return list(_hints(cls, [each.name for each in dataclasses.fields(cls)]))
    return []


def _hints(cls: type, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    try:
        hints = typing.get_type_hints(cls)
    except Exception:  # noqa: BLE001 - whatever an annotation raises, it may name a model
        hints = {}
    for name in names:
        yield name, hints.get(name, Any)


def _may_hold(annotation: Any, seen: set[Any]) -> bool:
    """Return whether a value of this type may be a model, or hold one.

    Args:
        annotation: the type.
        seen: the classes and aliases that are being looked at.
    """
    if isinstance(annotation, ALIASES):
        if annotation in seen:
            return False
        seen.add(annotation)
    annotation = unwrap(annotation)
    if annotation is Any or isinstance(annotation, (str, typing.ForwardRef)):
        return True
    if annotation is None or annotation is Ellipsis:
        return False
    if isinstance(annotation, TypeVar):
        try:
            return any(_may_hold(each, seen) for each in variants(annotation))
        except AnnotationError:
            return True
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _class_may_hold(annotation, seen)
    origin, arguments = split(annotation)
    if origin in (typing.Literal, type):
        return False
    if origin in UNIONS or not isinstance(origin, type) or _is_container(origin):
        return any(_may_hold(each, seen) for each in arguments)
    return any(_may_hold(each, seen) for each in (origin, *arguments))


def _class_may_hold(cls: type, seen: set[Any]) -> bool:
    if cls in seen or issubclass(cls, Message) or cls is type:
        return False
    if cls is object or issubclass(cls, GenericModel) or _is_container(cls):
        return True
    seen.add(cls)
    if typing.is_typeddict(cls):
        names = list(cls.__annotations__)
        return any(_may_hold(hint, seen) for _, hint in _hints(cls, names))
    if issubclass(cls, tuple):
        return any(_may_hold(hint, seen) for _, hint in _hints(cls, getattr(cls, "_fields", "?")))
    if any(_may_hold(annotation, seen) for _, annotation in _fields(cls)):
        return True
    # A model may derive from it.
    return (
        inspect.isabstract(cls)
        or getattr(cls, "_is_protocol", False)
        or any(_class_may_hold(each, seen) for each in type.__subclasses__(cls))
    )


def _is_container(cls: type) -> bool:
    return (issubclass(cls, (*_ITEMS, dict)) and not hasattr(cls, "_fields")) or (
        cls.__module__ in ("collections.abc", "typing")
    )

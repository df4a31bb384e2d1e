"""Recognizes the markers with which other frameworks declare dependencies."""

from __future__ import annotations

from inspect import getattr_static
from types import FunctionType

from pydantic.fields import FieldInfo

_NAMES = frozenset(
    {
        "Dependant",  # fast_depends, FastStream
        "Dependency",  # Litestar, taskiq, pymsgbus
        "DependencyKwarg",  # Litestar
        "Depends",  # FastAPI, fast_depends
        "FromComponent",  # dishka
        "FromDishka",
        "Inject",  # aioinject
        "Injectable",
        "InjectableType",  # wireup
        "Injected",
        "Provide",  # dependency_injector, Litestar, that-depends
        "TaskiqDepends",  # taskiq
    }
)


def is_foreign(marker: object) -> bool:
    """Return whether an object is the marker of another framework, as far as can be told.

    It is one if its class, or a base of that, has the name of such a marker, or if it has an
    attribute *dependency* that can be called. So is the function that makes such a marker.
    """
    if isinstance(marker, FunctionType):
        return marker.__name__ in _NAMES
    if any(each.__name__.lstrip("_") in _NAMES for each in type(marker).__mro__):
        return True
    return not isinstance(marker, type) and callable(getattr_static(marker, "dependency", None))


def is_foreign_default(default: object) -> bool:
    """Return whether a default is the marker of another framework.

    In an annotation, a kind of pydantic's *Field* is only a description. As a default, it tells
    where the framework finds the value, such as FastAPI's *Query*.
    """
    is_field = isinstance(default, FieldInfo) and type(default) is not FieldInfo
    return is_field or is_foreign(default)

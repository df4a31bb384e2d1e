"""Recognizes the markers with which other frameworks declare dependencies."""

from __future__ import annotations

from inspect import getattr_static

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
    attribute *dependency* that can be called.
    """
    kind = type(marker)
    if any(each.__name__.lstrip("_") in _NAMES for each in kind.__mro__):
        return True
    return not isinstance(marker, type) and callable(getattr_static(marker, "dependency", None))

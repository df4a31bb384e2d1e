"""Compares the results that commands promise with those that their handlers return."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from .._compat.callables import describe
from .._introspection.generics import UNIONS, bindings, split, unwrap
from .._introspection.signature import EMPTY, returned
from .._introspection.typecheck import admits
from ..domain.model import Returns
from ..exceptions import AnnotationError
from .listeners import Listeners


def find_broken_promises(listeners: Listeners[Any]) -> Iterator[str]:
    """Yield a sentence for each handler whose annotated result is not that of ``Returns``.

    What cannot be known is no mistake: a missing or unreadable annotation, a type variable, a
    union of which one member fits.
    """
    for command, handler in listeners.commands.items():
        if not issubclass(command, Returns):
            continue
        (promised,) = bindings(command, Returns)
        result = _result_of(handler)
        if result is not EMPTY and not _may_keep(promised, result):
            yield (
                f"{describe(handler)} returns {_show(result)}, but {command.__qualname__} "
                f"promises {_show(promised)}"
            )


def _result_of(handler: Callable[..., Any]) -> Any:
    """Return the annotated result of a handler, once it is awaited; EMPTY if it is unknown."""
    try:
        result = unwrap(returned(handler))
    except AnnotationError:
        return EMPTY
    origin, arguments = split(result)
    if isinstance(origin, type) and arguments and issubclass(origin, Awaitable):
        return arguments[-1]
    return result


def _may_keep(promised: Any, result: Any) -> bool:
    result = type(None) if result is None else unwrap(result)
    promised = type(None) if promised is None else unwrap(promised)
    origin, arguments = split(result)
    if result in (typing.NoReturn, typing.Never):
        return True
    if origin in UNIONS:
        return any(_may_keep(promised, each) for each in arguments)
    if origin is typing.Literal:
        return any(admits(promised, type(each)) is not False for each in arguments)
    if split(promised)[0] in UNIONS:
        return any(_may_keep(each, result) for each in split(promised)[1])
    return admits(promised, result) is not False


def _show(annotation: Any) -> str:
    if annotation is None or annotation is type(None):
        return "None"
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)

"""Compares the results that commands promise with those that their handlers return."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from .._compat.callables import describe
from .._introspection.definition import globals_of
from .._introspection.generics import UNIONS, bindings, split, unwrap
from .._introspection.signature import EMPTY, returned
from .._introspection.typecheck import admits
from ..domain.model import Message, Returns
from ..exceptions import AnnotationError
from .listeners import Listeners


def find_broken_promises(
    listeners: Listeners[Any], commands: Iterable[type[Message[Any]]]
) -> Iterator[str]:
    """Yield a sentence for each handler whose annotated result is not that of ``Returns``.

    What cannot be known is no mistake: a missing or unreadable annotation, a type variable, a
    union of which one member fits.

    Args:
        listeners: the listeners of the bus.
        commands: the commands to compare, besides those that listeners name: they may be handled
            by the handler of a base class.
    """
    found: set[tuple[str, type]] = set()
    for command in (*listeners.commands, *commands):
        if not issubclass(command, Returns):
            continue
        (promised,) = bindings(command, Returns)
        promised = _resolve(command, promised)
        for match in listeners.route(command).matches:
            handler = match.listener.function
            result = _result_of(handler)
            if _may_keep(promised, result) or (describe(handler), command) in found:
                continue
            found.add((describe(handler), command))
            yield (
                f"{describe(handler)} returns {_show(result)}, but {command.__qualname__} "
                f"promises {_show(promised)}"
            )


def _resolve(command: type, promised: Any) -> Any:
    """Return the type that a command promises; Any if its name in quotes is unknown."""
    if isinstance(promised, typing.ForwardRef):
        return globals_of(command).get(promised.__forward_arg__, Any)
    return promised


def _result_of(handler: Callable[..., Any]) -> Any:
    """Return the annotated result of a handler; Any if it is unknown."""
    try:
        result = returned(handler)
    except AnnotationError:
        return Any
    return Any if result is EMPTY else result


def _may_keep(promised: Any, result: Any) -> bool:
    result = type(None) if result is None else unwrap(result)
    promised = type(None) if promised is None else unwrap(promised)
    origin, arguments = split(result)
    asked, members = split(promised)
    if result in (Any, typing.NoReturn, typing.Never):
        return True
    if origin in UNIONS:
        return any(_may_keep(promised, each) for each in arguments)
    if asked in UNIONS:
        return any(_may_keep(each, result) for each in members)
    if asked is typing.Literal:
        if origin is typing.Literal:
            return not {(type(each), each) for each in members}.isdisjoint(
                (type(each), each) for each in arguments
            )
        return any(admits(type(each), result) is not False for each in members)
    if origin is typing.Literal:
        return any(admits(promised, type(each)) is not False for each in arguments)
    if admits(promised, result) is not False:
        return True
    # A bus awaits what can be awaited.
    is_awaited = isinstance(origin, type) and issubclass(origin, Awaitable)
    return is_awaited and (not arguments or _may_keep(promised, arguments[-1]))


def _show(annotation: Any) -> str:
    annotation = unwrap(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)

"""The extras of `Annotated`, wherever an annotation has them."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import InitVar
from typing import Any, NamedTuple

from .generics import UNIONS, is_plain, split, unalias


class Extra(NamedTuple):
    """One object in an annotation that is not a type.

    Attributes:
        value: the object.
        type: the type that it belongs to; the object itself if it stands in the place of a type.
        inside: whether it belongs to a part of the annotated value only, such as the items of a
            list.
    """

    value: Any
    type: Any
    inside: bool


def extras_of(annotation: Any, inside: bool = False, path: tuple[Any, ...] = ()) -> Iterator[Extra]:
    """Yield the extras in an annotation, the outermost first.

    They are looked for in type aliases and in unions, too.

    Args:
        annotation: the annotation, resolved.
        inside: whether it belongs to a part of the annotated value only.
        path: what the annotation is part of. An alias may refer to itself.

    Yields:
        Each extra. What is in the place of a type counts as one, such as the error of an alias
        that cannot be evaluated.
    """
    if is_plain(annotation):
        return
    if any(each is annotation or each == annotation for each in path):
        return
    path = (*path, annotation)
    try:
        annotation = unalias(annotation)
    except Exception as error:  # noqa: BLE001 - whatever its code raises
        yield Extra(error, error, inside)
        return
    origin, arguments = split(annotation)
    if origin is typing.Annotated:
        inner, *extras = typing.get_args(annotation)
        for each in reversed(extras):
            grouped = isinstance(each, (list, tuple))
            yield from (Extra(one, inner, True) for one in (each if grouped else ()))
            yield Extra(each, inner, inside)
        yield from extras_of(inner, inside, path)
    elif isinstance(annotation, InitVar):
        yield from extras_of(annotation.type, inside, path)
    elif isinstance(annotation, (list, tuple)):  # the parameters of a Callable
        for each in annotation:
            yield from extras_of(each, True, path)
    elif arguments:
        within = inside or origin not in UNIONS
        for each in arguments if origin is not typing.Literal else ():
            yield from extras_of(each, within, path)
    elif not isinstance(annotation, type):
        yield Extra(annotation, annotation, inside)

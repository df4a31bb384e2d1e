"""Type arguments of generic classes, resolved through subclasses and aliases.

Both syntaxes of `typing` are supported, and pydantic, for which ``Created[User]`` is a class of
its own where it is an alias elsewhere.
"""

from __future__ import annotations

import sys
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar, Union

import typing_extensions

from ..exceptions import AnnotationError
from .late import annotations_of
from .signature import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNIONS: tuple[Any, ...] = (Union, types.UnionType)
ALIASES: tuple[type, ...] = (
    typing_extensions.TypeAliasType,
    getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType),  # new in Python 3.12
)


def unwrap(annotation: Any) -> Any:
    """Strip `Annotated`, type aliases and `NewType` from an annotation."""
    while typing.get_origin(annotation := unalias(annotation)) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def unalias(annotation: Any) -> Any:
    """Replace type aliases and `NewType` by what they stand for."""
    while not isinstance(annotation, type):
        alias = typing.get_origin(annotation) or annotation
        if isinstance(alias, ALIASES):
            parameters = alias.__type_params__  # type: ignore[attr-defined]
            values = _completed(parameters, typing.get_args(annotation))
            annotation = substitute(alias.__value__, values)  # type: ignore[attr-defined]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        else:
            break
    return annotation


def split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split ``Created[User]`` into its class and its type arguments; a plain class has none."""
    if isinstance(annotation, type):
        metadata = _pydantic(annotation)
        if metadata is None or metadata["origin"] is None:
            return annotation, ()
        return metadata["origin"], tuple(metadata["args"])
    origin = typing.get_origin(annotation)
    return (annotation, ()) if origin is None else (origin, typing.get_args(annotation))


def is_plain(annotation: Any) -> bool:
    """Return whether an annotation is a class without type arguments."""
    return isinstance(annotation, type) and not split(annotation)[1]


def type_parameters(cls: Any) -> tuple[Any, ...]:
    """Return the type parameters of a class, in order; a class that is not generic has none."""
    metadata = _pydantic(cls)
    if metadata is not None:
        return tuple(metadata["parameters"])
    return tuple(getattr(cls, "__parameters__", ()))


def bindings(made: Any, origin: type) -> tuple[Any, ...]:
    """Return the type arguments that a subclass, or an alias of one, gives to *origin*.

    Args:
        made: the subclass, possibly with type arguments of its own, as in ``Created[User]``.
        origin: a generic class among its bases, or the class itself.

    Returns:
        For each type parameter of *origin* a type, or a type variable if it is open.
    """
    found = list(type_parameters(origin))
    for arguments in _walk_bases(made, {}, origin):
        for index, argument in enumerate(arguments):
            if isinstance(found[index], TypeVar):
                found[index] = argument
    return tuple(found)


def fields(cls: type) -> dict[str, Any]:
    """Return the annotated attributes of a generic class, in terms of its own type parameters.

    Attributes whose annotation cannot be resolved are left out.
    """
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        declared = annotations_of(base)
        own = type_parameters(base)
        values = dict(zip(own, bindings(cls, base), strict=True))
        scope = Scope(base, {each.__name__: each for each in own})
        for name, annotation in declared.items():
            try:
                found[name] = substitute(scope.resolve(name, annotation), values)
            except AnnotationError:
                found.pop(name, None)
    return found


def substitute(annotation: Any, values: Mapping[Any, Any]) -> Any:
    """Replace the type variables in an annotation by their *values*."""
    if isinstance(annotation, TypeVar):
        return values.get(annotation, annotation)
    origin, arguments = _open_split(annotation)
    if not arguments or origin is typing.Literal:
        return annotation
    if origin is typing.Annotated:
        return typing.Annotated[(substitute(arguments[0], values), *arguments[1:])]
    replaced = tuple(substitute(argument, values) for argument in arguments)
    if replaced == arguments:
        return annotation
    if origin in UNIONS:
        return Union[replaced]  # noqa: UP007 - of a tuple
    return types.GenericAlias(origin, replaced)


def mentions(annotation: Any, variables: Mapping[Any, Any]) -> bool:
    """Return whether one of the type variables occurs in the annotation."""
    if isinstance(annotation, TypeVar):
        return annotation in variables
    return any(mentions(argument, variables) for argument in _open_split(annotation)[1])


def variants(variable: TypeVar) -> tuple[Any, ...]:
    """Return the types that a type variable may stand for: its constraints, or its bound.

    Raises:
        AnnotationError: the bound is a string with an unknown name.
    """
    found = variable.__constraints__ or (variable.__bound__ or object,)
    module = sys.modules.get(variable.__module__)
    scope = Scope(type(variable), vars(module) if module else None)
    return tuple(scope.resolve(variable.__name__, each) for each in found)


def stores_alias(cls: type) -> bool:
    """Return whether an instance can store the alias through which it was made."""
    return _pydantic(cls) is None and (cls.__dictoffset__ != 0 or hasattr(cls, "__orig_class__"))


def _open_split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split an annotation like `split`; a plain pydantic class keeps its own type parameters."""
    origin, arguments = split(annotation)
    if not arguments and _pydantic(annotation) is not None:
        arguments = type_parameters(annotation)
    return origin, arguments


def _walk_bases(made: Any, values: Mapping[Any, Any], target: type) -> Iterator[tuple[Any, ...]]:
    """Yield the type arguments of *target* on each path to it through the base classes."""
    cls, arguments = _open_split(made)
    if not isinstance(cls, type) or target not in cls.__mro__:
        return
    own = type_parameters(cls)
    arguments = tuple(substitute(each, values) for each in arguments) or own
    if cls is target:
        if len(arguments) == len(own):
            yield arguments
        return
    inner = dict(zip(own, arguments, strict=False))
    for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
        yield from _walk_bases(_as_base(base), inner, target)


def _as_base(base: Any) -> Any:
    """Give a generic class that is a base without type arguments its defaults, if it has them."""
    if not isinstance(base, type) or split(base)[1] or not (own := type_parameters(base)):
        return base
    values = _completed(own, ())
    return types.GenericAlias(base, tuple(values.get(each, each) for each in own))


def _completed(parameters: tuple[Any, ...], arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Return the values of type parameters; those without an argument have their defaults."""
    values = dict(zip(parameters, arguments, strict=False))
    for parameter in parameters[len(arguments) :]:
        if isinstance(parameter, TypeVar) and getattr(parameter, "has_default", bool)():
            default: Any = parameter.__default__  # type: ignore[attr-defined,unused-ignore]
            values[parameter] = substitute(default, values)
    return values


def _pydantic(cls: Any) -> dict[str, Any] | None:
    found = getattr(cls, "__pydantic_generic_metadata__", None)
    return found if isinstance(cls, type) and isinstance(found, dict) else None

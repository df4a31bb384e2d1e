"""Run-time checks of generic types, as far as classes and values allow.

Types are compared covariantly: a ``list[Admin]`` is a ``list[User]`` if `Admin` derives from
`User`.
"""

from __future__ import annotations

import typing
from collections import abc, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from .generics import (
    UNIONS,
    bindings,
    fields,
    mentions,
    split,
    stores_alias,
    substitute,
    type_parameters,
    unwrap,
    variants,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Predicate: TypeAlias = Callable[[Any], bool]

_MISSING: Any = object()

_PROMOTED: dict[Any, tuple[type, ...]] = {float: (float, int), complex: (complex, float, int)}
"""The types whose values type checkers accept for another one (PEP 484)."""


def verdict(origin: type, arguments: tuple[Any, ...], cls: type) -> bool | Predicate:
    """Decide whether instances of exactly *cls* are of *origin* with these type arguments.

    Returns:
        True or False if that holds for all instances, otherwise a predicate for each instance.
    """
    try:
        if not issubclass(cls, origin):
            return False
    except TypeError:  # a protocol with attributes, which only an instance has
        return lambda instance: isinstance(instance, origin)
    if not arguments:
        return True
    if not type_parameters(origin):
        inside = _contents_check(origin, arguments)
        return inside is _accept or inside
    asked = _open_arguments(origin, arguments, cls)
    if not asked:
        return asked is not None
    by_value = _fields_check(origin, asked)
    return _alias_check(origin, arguments, by_value) if stores_alias(cls) else by_value


def _alias_check(
    origin: type, arguments: tuple[Any, ...], otherwise: bool | Predicate
) -> Predicate:
    """Check an instance by the alias through which it was made, if it stores one."""

    def decide(alias: Any) -> bool | Predicate:
        if alias is None:
            return otherwise
        asked = _open_arguments(origin, arguments, alias)
        return _fields_check(origin, asked) if asked else asked is not None

    return _cached_check(lambda instance: getattr(instance, "__orig_class__", None), decide)


def _fields_check(origin: type, asked: Mapping[Any, Any]) -> bool | Predicate:
    """Check an instance by its attributes that are annotated with the type parameters *asked*."""
    checks = [
        (name, check)
        for name, annotation in fields(origin).items()
        if mentions(annotation, asked)
        and (check := _check_for(substitute(annotation, asked))) is not _accept
    ]

    def conforms(instance: Any) -> bool:
        values = ((getattr(instance, name, _MISSING), check) for name, check in checks)
        return all(value is _MISSING or check(value) for value, check in values)

    return conforms if checks else True


def _open_arguments(origin: type, arguments: tuple[Any, ...], made: Any) -> dict[Any, Any] | None:
    """Compare the type arguments asked for with those that a class or an alias declares.

    Returns:
        The type arguments asked for, of the type parameters that it leaves open; None if it
        declares another type.
    """
    undecided = {}
    known = bindings(made, origin)
    for parameter, asked, given in zip(type_parameters(origin), arguments, known, strict=False):
        admitted = admits(asked, given)
        if admitted is False:
            return None
        if admitted is None:
            undecided[parameter] = asked
    return undecided


def admits(asked: Any, given: Any) -> bool | None:
    """Return whether all values of the type *given* are of *asked*; None if only some may be."""
    asked, given = unwrap(asked), unwrap(given)
    if asked is Any or asked is object or asked == given:
        return True
    if isinstance(asked, TypeVar):
        return _any(admits(split(each)[0], given) for each in variants(asked))
    if given is Any or isinstance(given, TypeVar):
        return None
    asked_for, asked_arguments = split(asked)
    made_for, made_arguments = split(given)
    if made_for in UNIONS:
        return _all(admits(asked, each) for each in made_arguments)
    if asked_for in UNIONS:
        return _any(admits(each, given) for each in asked_arguments)
    try:
        if issubclass(made_for, _PROMOTED.get(asked_for, asked_for)):
            if made_for is not asked_for:
                if type_parameters(asked_for):
                    made_arguments = bindings(given, asked_for)
                elif type_parameters(made_for) or len(made_arguments) != len(asked_arguments):
                    made_arguments = ()  # a builtin base does not say which of them it has
            if not made_arguments and asked_arguments:
                return None
            is_fixed = asked_for is tuple and ... not in (*asked_arguments, *made_arguments)
            if is_fixed and asked_arguments and len(made_arguments) != len(asked_arguments):
                return False
            return _all(map(admits, asked_arguments, made_arguments), mixed=False)
        return None if issubclass(asked_for, made_for) else False
    except TypeError:  # one of them is not a class, such as Literal
        return None


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = set(verdicts)
    return True if True in found else None if None in found else False


def _all(verdicts: Iterable[bool | None], *, mixed: bool = True) -> bool | None:
    """Combine verdicts that must all hold; a *mixed* result, of a union, is undecided."""
    found = set(verdicts)
    if found <= {True}:
        return True
    return False if found == {False} or (False in found and not mixed) else None


def _check_for(annotation: Any) -> Predicate:
    """Return a predicate for values that may be of a type; `_accept` if any value may be."""
    annotation = unwrap(annotation)
    if annotation is None:
        annotation = type(None)
    if annotation is Any or annotation is object:
        return _accept
    if isinstance(annotation, TypeVar):
        return _any_check([split(each)[0] for each in variants(annotation)])
    origin, arguments = split(annotation)
    if origin in UNIONS:
        return _any_check(arguments)
    if origin is typing.Literal:
        return lambda value: any(value == each and type(value) is type(each) for each in arguments)
    try:
        isinstance(None, origin)
    except TypeError:
        return _accept
    if not arguments:
        promoted = _PROMOTED.get(origin, origin)
        return lambda value: isinstance(value, promoted)
    inside = _contents_check(origin, arguments)
    return lambda value: isinstance(value, origin) and inside(value)


def _any_check(annotations: Iterable[Any]) -> Predicate:
    checks = [_check_for(each) for each in annotations]
    if _accept in checks:
        return _accept
    return lambda value: any(check(value) for check in checks)


def _contents_check(origin: Any, arguments: tuple[Any, ...]) -> Predicate:
    """Return a predicate for the contents of an instance of *origin*; `_accept` if any will do.

    It only inspects containers that can be iterated without side effects: it consumes no
    iterator and loads no lazy sequence.
    """
    if type_parameters(origin):
        return _cached_check(type, lambda cls: verdict(origin, arguments, cls))
    if origin is tuple and arguments[-1] is not ...:
        return _items_check(arguments)
    checks = [_check_for(each) for each in arguments if each is not ...]
    if all(check is _accept for check in checks):
        return _accept
    if origin is type:
        asked = arguments[0]
        return lambda value: admits(asked, value) is not False
    if issubclass(origin, abc.Mapping):
        return _entries_check(checks)
    if len(checks) > 1 or not issubclass(origin, (abc.Iterable, abc.Container)):
        return _accept
    return lambda value: not isinstance(value, _PLAIN) or all(map(checks[0], value))


_PLAIN = (list, tuple, set, frozenset, deque)


def _cached_check(
    key_of: Callable[[Any], Any], decide: Callable[[Any], bool | Predicate]
) -> Predicate:
    """Return a predicate that decides once for each key of an instance."""
    verdicts: dict[Any, bool | Predicate] = {}

    def conforms(instance: Any) -> bool:
        key = key_of(instance)
        try:
            found = verdicts.get(key)
            if found is None:
                found = verdicts[key] = decide(key)
        except TypeError:  # an unhashable alias
            found = decide(key)
        return found if isinstance(found, bool) else found(instance)

    return conforms


def _items_check(arguments: tuple[Any, ...]) -> Predicate:
    checks = [_check_for(each) for each in arguments]
    return lambda value: (
        len(value) == len(checks)
        and all(check(each) for check, each in zip(checks, value, strict=True))
    )


def _entries_check(checks: list[Predicate]) -> Predicate:
    check_key, check_value = (*checks, _accept)[:2]
    return lambda value: (
        not isinstance(value, dict)
        or (all(map(check_key, value)) and all(map(check_value, value.values())))
    )


def _accept(value: Any) -> bool:  # noqa: ARG001
    return True

"""Whether objects conform to a parametrised type, as far as classes and values can tell.

Types are compared covariantly: a ``list[Admin]`` conforms to ``list[User]`` if `Admin` is derived
from `User`.
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
    remembers,
    split,
    substitute,
    type_parameters,
    unwrap,
    variants,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Predicate: TypeAlias = Callable[[Any], bool]


def verdict(origin: type, arguments: tuple[Any, ...], cls: type) -> bool | Predicate:
    """Tell whether instances of exactly *cls* conform to *origin* with these type arguments.

    Returns:
        False for none, True for all, otherwise a function that tells for one instance.
    """
    try:
        if not issubclass(cls, origin):
            return False
    except TypeError:  # a protocol with attributes: only an instance tells
        return lambda instance: isinstance(instance, origin)
    if not arguments:
        return True
    if not type_parameters(origin):
        return _inside(origin, arguments) or True
    asked = _undecided(origin, arguments, cls)
    if not asked:
        return asked is not None
    by_value = _by_fields(origin, asked)
    return _by_memory(origin, arguments, by_value) if remembers(cls) else by_value


def _by_memory(origin: type, arguments: tuple[Any, ...], otherwise: bool | Predicate) -> Predicate:
    """Judge an instance by the alias that it was made through, if it was made through one."""
    verdicts: dict[Any, bool | Predicate] = {None: otherwise}

    def judged(made: Any) -> bool | Predicate:
        asked = _undecided(origin, arguments, made)
        return _by_fields(origin, asked) if asked else asked is not None

    def conforms(instance: Any) -> bool:
        made = getattr(instance, "__orig_class__", None)
        try:
            found = verdicts.get(made)
            if found is None:
                found = verdicts[made] = judged(made)
        except TypeError:  # an alias that can not be hashed
            found = judged(made)
        return found if isinstance(found, bool) else found(instance)

    return conforms


def _by_fields(origin: type, asked: Mapping[Any, Any]) -> bool | Predicate:
    """Judge an instance by the attributes that are annotated with the type parameters *asked*."""
    checks = []
    for name, annotation in fields(origin).items():
        if mentions(annotation, asked):
            check = _checker(substitute(annotation, asked))
            if check is not None:
                checks.append((name, check))
    if not checks:
        return True

    def conforms(instance: Any) -> bool:
        for name, check in checks:
            try:
                value = getattr(instance, name)
            except AttributeError:
                continue
            if not check(value):
                return False
        return True

    return conforms


def _undecided(origin: type, arguments: tuple[Any, ...], made: Any) -> dict[Any, Any] | None:
    """Compare what *origin* is asked to be for with what a class or an alias says it is for.

    Returns:
        The type parameters that it leaves open, with what they are asked to be; None if it is
        known to be for something else.
    """
    open_ones = {}
    known = bindings(made, origin)
    for parameter, asked, given in zip(type_parameters(origin), arguments, known, strict=False):
        admitted = admits(asked, given)
        if admitted is False:
            return None
        if admitted is None:
            open_ones[parameter] = asked
    return open_ones


def admits(asked: Any, given: Any) -> bool | None:
    """Tell whether every value of the type *given* is one of *asked*; None if only some may be."""
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
        if issubclass(made_for, asked_for):
            if made_for is not asked_for and type_parameters(asked_for):
                made_arguments = bindings(given, asked_for)
            if not made_arguments and asked_arguments:
                return None
            return _all(map(admits, asked_arguments, made_arguments), mixed=False)
        return None if issubclass(asked_for, made_for) else False
    except TypeError:  # one of them is no class, such as Literal
        return None


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _all(verdicts: Iterable[bool | None], *, mixed: bool = True) -> bool | None:
    """Combine verdicts that all have to hold; *mixed* ones of a union leave it open."""
    found = list(verdicts)
    if all(found):
        return True
    if mixed:
        return None if any(each is not False for each in found) else False
    return False if False in found else None


def _checker(annotation: Any) -> Predicate | None:
    """Return a function that tells whether a value may be of a type; None if any may be."""
    annotation = unwrap(annotation)
    if annotation is None:
        annotation = type(None)
    if annotation is Any or annotation is object:
        return None
    if isinstance(annotation, TypeVar):
        return _of_any([split(each)[0] for each in variants(annotation)])
    origin, arguments = split(annotation)
    if origin in UNIONS:
        return _of_any(arguments)
    if origin is typing.Literal:
        return lambda value: any(value == each and type(value) is type(each) for each in arguments)
    try:
        isinstance(None, origin)
    except TypeError:
        return None
    inside = _inside(origin, arguments) if arguments else None
    if inside is None:
        return lambda value: isinstance(value, origin)
    return lambda value: isinstance(value, origin) and inside(value)


def _of_any(annotations: Iterable[Any]) -> Predicate | None:
    checks = [_checker(each) for each in annotations]
    known = [check for check in checks if check is not None]
    if len(known) < len(checks):
        return None
    return lambda value: any(check(value) for check in known)


def _inside(origin: Any, arguments: tuple[Any, ...]) -> Predicate | None:
    """Return a function that looks into an instance of *origin*; None if it can not.

    Only containers that can be looked through without side effects are: no iterator is
    consumed, no lazy sequence is loaded.
    """
    if type_parameters(origin):
        return _of_generic(origin, arguments)
    if origin is tuple and arguments[-1] is not ...:
        return _of_items(arguments)
    checks = [_checker(each) for each in arguments if each is not ...]
    if not any(checks):
        return None
    first = checks[0]
    if origin is type:
        asked = arguments[0]
        return lambda value: admits(asked, value) is not False
    if issubclass(origin, abc.Mapping):
        return _of_entries(checks)
    if first is None or len(checks) > 1 or not issubclass(origin, (abc.Iterable, abc.Container)):
        return None
    return lambda value: not isinstance(value, _PLAIN) or all(map(first, value))


_PLAIN = (list, tuple, set, frozenset, deque)


def _of_generic(origin: type, arguments: tuple[Any, ...]) -> Predicate:
    verdicts: dict[type, bool | Predicate] = {}

    def conforms(value: Any) -> bool:
        cls = type(value)
        found = verdicts.get(cls)
        if found is None:
            found = verdicts[cls] = verdict(origin, arguments, cls)
        return found if isinstance(found, bool) else found(value)

    return conforms


def _of_items(arguments: tuple[Any, ...]) -> Predicate:
    checks = [_checker(each) for each in arguments]
    return lambda value: (
        len(value) == len(checks)
        and all(check is None or check(each) for check, each in zip(checks, value, strict=True))
    )


def _of_entries(checks: list[Predicate | None]) -> Predicate:
    key_check, value_check = (*checks, None)[:2]
    return lambda value: (
        not isinstance(value, dict)
        or (
            (key_check is None or all(map(key_check, value)))
            and (value_check is None or all(map(value_check, value.values())))
        )
    )

"""Decides which listeners hear an object.

The bus and the consumers of the facade share this rule; they differ only in the order in which
they call the listeners.
"""

from __future__ import annotations

from abc import ABCMeta
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from .targets import Predicate, Target

L = TypeVar("L")


class Match(NamedTuple, Generic[L]):
    """A listener that hears objects of one class.

    Attributes:
        listener: the listener.
        hears: tells whether the listener hears one object; None if it hears all of the class.
    """

    listener: L
    hears: Predicate | None


class _Registration(NamedTuple, Generic[L]):
    target: Target
    key: object
    listener: L
    number: int


class Router(Generic[L]):
    """Finds the listeners of a class.

    Args:
        nearest_first: call the listeners of the class itself before those of its bases; otherwise
            call all in the order of their registration.
    """

    def __init__(self, *, nearest_first: bool) -> None:
        self._nearest_first = nearest_first
        self._by_origin: defaultdict[type, list[_Registration[L]]] = defaultdict(list)
        self._counts: Counter[object] = Counter()
        # Other classes can be registered with an abstract one, so the MRO does not tell.
        self._abstract: set[type] = set()
        self._numbers = count()

    def __iter__(self) -> Iterator[tuple[Target, L]]:
        """Yield what was registered, in order."""
        every = (each for registrations in self._by_origin.values() for each in registrations)
        for each in sorted(every, key=lambda each: each.number):
            yield each.target, each.listener

    def __contains__(self, key: object) -> bool:
        return self._counts[key] > 0

    def add(self, target: Target, listener: L, key: object) -> None:
        """Register a listener.

        Args:
            target: what it hears.
            listener: the listener.
            key: identifies the listener: one that hears an object for two reasons is called once.
        """
        self._counts[key] += 1
        self._by_origin[target.origin].append(
            _Registration(target, key, listener, next(self._numbers))
        )
        if isinstance(target.origin, ABCMeta) and not issubclass(target.origin, BaseModel):
            self._abstract.add(target.origin)

    def remove(self, target: Target, key: object) -> None:
        """Undo one call of *add*."""
        registrations = self._by_origin[target.origin]
        for each in registrations:
            if each.key == key and each.target == target:
                registrations.remove(each)
                self._counts[key] -= 1
                return

    def registered(self, target: Target) -> list[L]:
        """Return the listeners that were registered for exactly *target*."""
        return [each.listener for each in self._of(target.origin) if each.target == target]

    def rivals(self, target: Target) -> list[tuple[Target, L]]:
        """Return what is as near as *target* to some objects that both hear, with its listener."""
        return [
            (each.target, each.listener)
            for each in self._of(target.origin)
            if target.arguments
            and each.target.arguments
            and target.overlaps(each.target)
            and not target.is_narrower(each.target)
            and not each.target.is_narrower(target)
        ]

    def route(self, kind: type) -> list[Match[L]]:
        """Return the listeners that hear objects of exactly the class *kind*, in calling order.

        A listener that hears several bases of the class stands where it comes first.
        """
        registrations = self._nearest(kind)
        if not self._nearest_first:
            registrations = iter(sorted(registrations, key=lambda each: each.number))
        found: dict[object, Match[L]] = {}
        for each in registrations:
            verdict = each.target.match(kind)
            if verdict is False:
                continue
            hears = None if verdict is True else verdict
            if each.key in found:
                listener, other = found[each.key]
                found[each.key] = Match(listener, _either(other, hears))
            else:
                found[each.key] = Match(each.listener, hears)
        # Another thread may have removed one meanwhile.
        return [match for key, match in found.items() if key in self]

    def _nearest(self, kind: type) -> Iterator[_Registration[L]]:
        """Yield what is registered for the bases of a class, the nearest base first."""
        mro = kind.__mro__
        exact = [each for base in mro for each in self._of(base)]
        virtual = [each for base in self._abstract - {*mro} for each in self._of(base)]

        def distance(registration: _Registration[L]) -> tuple[int, bool, int, int]:
            target = registration.target
            broader = sum(
                target.is_narrower(each.target)
                for each in exact
                if target.arguments and each.target.origin is target.origin
            )
            # Created[Book] is nearer to a Created of a book than Created is.
            near = target.declared if target.declared in mro else target.origin
            plain = near is target.origin and not target.arguments
            return mro.index(near), plain, -broader, registration.number

        yield from sorted(exact, key=distance)
        yield from virtual

    def _of(self, origin: type) -> list[_Registration[L]]:
        # Copied in one step, because another thread may register meanwhile.
        return list(self._by_origin.get(origin, ()))


def _either(one: Predicate | None, other: Predicate | None) -> Predicate | None:
    """Return what tells whether one of two predicates holds; None if one always does."""
    if one is other or one is None or other is None:
        return one and other
    return lambda thing: one(thing) or other(thing)

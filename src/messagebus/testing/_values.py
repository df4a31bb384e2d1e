"""Strategies for values of plain types, within the bounds of a field."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any

import pydantic
from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]
Bounds = dict[str, Any]
"""The constraints of a field by name, such as *ge* or *min_length*."""

_NAMES = (
    "gt",
    "ge",
    "lt",
    "le",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
    "max_digits",
    "decimal_places",
)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_LATER = datetime(9000, 1, 1, tzinfo=UTC)
_LONGEST_OFFSET = 14 * 60  # minutes


def bounds_in(metadata: Iterable[Any]) -> Bounds:
    """Return the constraints among metadata, whoever has declared them."""
    bounds: Bounds = {}
    for each in metadata:
        for declared in getattr(each, "metadata", None) or [each]:
            found = {name: getattr(declared, name, None) for name in _NAMES}
            bounds |= {name: value for name, value in found.items() if value is not None}
    return bounds


def sizes_of(bounds: Bounds) -> dict[str, Any]:
    """Return the sizes of a collection or a text."""
    return {"min_size": bounds.get("min_length", 0), "max_size": bounds.get("max_length")}


def _text(bounds: Bounds) -> Strategy:
    # Lone surrogates are no text outside of Python.
    pattern = bounds.get("pattern")
    if pattern is None:
        return st.text(st.characters(exclude_categories=["Cs"]), **sizes_of(bounds))
    try:
        # At the end, Python alone accepts a line break.
        compiled = re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))
    except re.error:  # written for the engine of pydantic, which knows more
        return st.text(st.characters(exclude_categories=["C"]), **sizes_of(bounds))
    return st.from_regex(compiled, alphabet=st.characters(exclude_categories=["Cs"]))


def _integers(bounds: Bounds) -> Strategy:
    least, most, step = _least(bounds), _most(bounds), bounds.get("multiple_of", 1)
    if least is not None:
        least = math.floor(least / step) + 1 if "gt" in bounds else math.ceil(least / step)
    if most is not None:
        most = math.ceil(most / step) - 1 if "lt" in bounds else math.floor(most / step)
    return st.integers(least, most).map(lambda number: number * step)


def _floats(bounds: Bounds) -> Strategy:
    return st.floats(
        _least(bounds),
        _most(bounds),
        exclude_min="gt" in bounds,
        exclude_max="lt" in bounds,
        allow_nan=False,
        allow_infinity=False,
    )


def _decimals(bounds: Bounds) -> Strategy:
    least, most, places = _least(bounds), _most(bounds), bounds.get("decimal_places")
    if (digits := bounds.get("max_digits")) is not None:
        places = min(2, digits) if places is None else places
        limit = Decimal(10) ** (digits - places) - Decimal(10) ** -places
        least = -limit if least is None else max(least, -limit)
        most = limit if most is None else min(most, limit)
    return st.decimals(least, most, allow_nan=False, allow_infinity=False, places=places)


def _least(bounds: Bounds) -> Any:
    return bounds.get("ge", bounds.get("gt"))


def _most(bounds: Bounds) -> Any:
    return bounds.get("le", bounds.get("lt"))


def _times(
    bounds: Bounds, least: datetime = datetime.min, most: datetime = datetime.max
) -> Strategy:
    minutes = st.integers(-_LONGEST_OFFSET, _LONGEST_OFFSET)
    zones = minutes.map(lambda offset: timezone(timedelta(minutes=offset)))
    return st.datetimes(
        (_least(bounds) or least).replace(tzinfo=None),
        (_most(bounds) or most).replace(tzinfo=None),
        timezones=st.one_of(st.just(UTC), zones),
    )


ANYTHING: Strategy = st.one_of(st.none(), st.booleans(), st.integers(), _text({}))
"""Values for *Any*, which JSON knows."""

OF_TYPE: dict[Any, Callable[[Bounds], Strategy]] = {
    Any: lambda _: ANYTHING,
    object: lambda _: ANYTHING,
    None: lambda _: st.none(),
    type(None): lambda _: st.none(),
    str: _text,
    bytes: lambda bounds: st.binary(**sizes_of(bounds)),
    int: _integers,
    float: _floats,
    Decimal: _decimals,
    datetime: _times,
    pydantic.AwareDatetime: _times,
    pydantic.NaiveDatetime: lambda _: st.datetimes(),
    pydantic.PastDatetime: partial(_times, most=_NOW - timedelta(days=2)),
    pydantic.FutureDatetime: partial(_times, least=_LATER),
    pydantic.PastDate: lambda _: st.dates(max_value=_NOW.date()),
    pydantic.FutureDate: lambda _: st.dates(min_value=_LATER.date()),
    pydantic.SecretStr: lambda bounds: _text(bounds).map(pydantic.SecretStr),
    pydantic.SecretBytes: lambda bounds: st.binary(**sizes_of(bounds)).map(pydantic.SecretBytes),
}
"""Returns a strategy for the values of a type within bounds."""

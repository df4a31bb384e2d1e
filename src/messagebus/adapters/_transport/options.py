"""Transport options in the query of a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ...exceptions import ConfigurationError

Kinds = Mapping[str, Callable[[str], Any]]
"""For each option the function that converts its value from a string."""

_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def truth(text: str) -> bool:
    """Convert a string such as ``true`` or ``no`` to a bool.

    Raises:
        ValueError: the string is neither.
    """
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        problem = f"{text!r} is neither true nor false"
        raise ValueError(problem) from None


def split_options(url: str, kinds: Kinds) -> tuple[str, dict[str, Any]]:
    """Split known options off the query of a URL.

    Args:
        url: a URL such as ``redis://host/0?stream=events&create=true``.
        kinds: for each known option the function that converts its value.

    Returns:
        The URL without these options, and their values.

    Raises:
        ConfigurationError: a value cannot be converted.
    """
    address, _, query = url.partition("?")
    options: dict[str, Any] = {}
    others: list[tuple[str, str]] = []
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in kinds:
            others.append((name, text))
            continue
        try:
            options[name] = kinds[name](text)
        except ValueError as error:
            problem = f"The transport option {name!r} in the URL is wrong: {error}"
            raise ConfigurationError(problem) from error
    return (f"{address}?{urlencode(others)}" if others else address), options

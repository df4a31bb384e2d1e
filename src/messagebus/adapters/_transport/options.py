"""The options in a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ...exceptions import ConfigurationError

Kinds = Mapping[str, Callable[[str], Any]]
"""For each option what makes its value of a text."""

_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def truth(text: str) -> bool:
    """Return what a word says.

    Raises:
        ValueError: it says neither yes nor no.
    """
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        problem = f"{text!r} is neither true nor false"
        raise ValueError(problem) from None


def split_options(url: str, kinds: Kinds) -> tuple[str, dict[str, Any]]:
    """Take options out of the query of a URL.

    Args:
        url: a URL such as ``redis://host/0?stream=events&create=true``.
        kinds: for each option what makes its value of the text.

    Returns:
        The URL without these options, and their values.

    Raises:
        ConfigurationError: a value is not what the option takes.
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
            problem = f"The option {name!r} of a transport: {error}"
            raise ConfigurationError(problem) from error
    return (f"{address}?{urlencode(others)}" if others else address), options

"""Options of transports and sources, in the query of a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..._urls import ensure_encoded
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
    """Split the options off a URL.

    Args:
        url: a URL such as ``redis://host/0?stream=events&create=true``.
        kinds: for each known option the function that converts its value.

    Returns:
        The URL without its query, its scheme in lower case, and the values of the options.

    Raises:
        ConfigurationError: an option is unknown or given twice, its value cannot be converted, or
            the password of the URL is not percent-encoded.
    """
    ensure_encoded(url)
    address, _, query = url.partition("?")
    scheme, colon, rest = address.partition(":")
    options: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in kinds:
            # What has an @ is a part of a password rather than the name of an option.
            shown = "such an option" if "@" in name else f"an option {name!r}"
            known = ", ".join(kinds) or "none"
            problem = f"The URL cannot have {shown}; its options: {known}"
            raise ConfigurationError(problem)
        if name in options:
            problem = f"The option {name!r} is in the URL twice"
            raise ConfigurationError(problem)
        try:
            options[name] = kinds[name](text)
        except ValueError as error:
            problem = f"The option {name!r} in the URL is wrong: {error}"
            raise ConfigurationError(problem) from error
    return f"{scheme.lower()}{colon}{rest}", options

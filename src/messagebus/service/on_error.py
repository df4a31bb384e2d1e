"""The policies for a listener of an event that fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

from .._compat.callables import describe
from ..exceptions import ConfigurationError

OnError: TypeAlias = Literal["raise", "collect", "isolate"]
"""The policy for a listener of an event that fails.

``raise``: *handle* fails at once. ``collect``: the other listeners of the event run, then *handle*
fails with an ExceptionGroup. ``isolate``: a savepoint around the call is rolled back, and *handle*
goes on.
"""


def check_on_error(on_error: object, listener: Callable[..., Any] | None = None) -> None:
    """Check a policy.

    Raises:
        ConfigurationError: there is no such policy.
    """
    if on_error not in get_args(OnError):
        names = ", ".join(map(repr, get_args(OnError)))
        whose = "" if listener is None else f" of {describe(listener)}"
        text = f"on_error{whose} must be one of {names}, not {on_error!r}"
        raise ConfigurationError(text, listener=listener)

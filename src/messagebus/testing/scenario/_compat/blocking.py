"""The expectations of a sync scenario, whose message has been handled by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from ....domain.model import Message
from ..outcome import Outcome

R = TypeVar("R")

Expectation: TypeAlias = Outcome[R]


def expect(message: Message[Any], handle: Callable[[], Outcome[R]]) -> Outcome[R]:  # noqa: ARG001
    """Handle a message, and return its outcome, whose checks are made at once."""
    __tracebackhide__ = True
    return handle()

"""The expectations of an async scenario: awaiting them handles the message and checks them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, Self, TypeVar

from ....domain.model import Message
from ..outcome import Outcome

R = TypeVar("R")


class Expectation(Generic[R]):
    """What is expected of a message. Await it: then the message is handled, and all is checked.

    Args:
        message: the message.
        handle: handles it, and returns its outcome.
    """

    def __init__(
        self, message: Message[Any], handle: Callable[[], Coroutine[Any, Any, Outcome[R]]]
    ) -> None:
        self._description = f"when({message!r})"
        self._handle = handle
        self._checks: list[Callable[[Outcome[R]], object]] = []
        self._has_begun = False
        self._has_raised = False
        self._outcome: Outcome[R] | None = None

    def then(self, *messages: Message[Any]) -> Self:
        """Expect messages; see *then* of *Outcome*."""
        return self._expect(lambda outcome: outcome.then(*messages))

    def returns(self, result: R) -> Self:
        """Expect a result; see *returns* of *Outcome*."""
        return self._expect(lambda outcome: outcome.returns(result))

    def fails(self, error: type[Exception], *, match: str | None = None) -> Self:
        """Expect a failure; see *fails* of *Outcome*."""
        return self._expect(lambda outcome: outcome.fails(error, match=match))

    @property
    def problem(self) -> str | None:
        """What is wrong with a test that ends now; None if the outcome was checked."""
        if not self._has_begun:
            self._has_begun = True  # once told, there is no need to warn
            return self._forgotten
        if self._outcome is not None:
            return self._outcome.problem
        # A test sees what is raised, but not that a timeout or a task took its checks along.
        return (
            None if self._has_raised else f"{self._description} did not end, so nothing was checked"
        )

    def __await__(self) -> Generator[Any, None, Outcome[R]]:
        __tracebackhide__ = True
        self._has_begun = True
        if self._outcome is None:
            try:
                self._outcome = yield from self._handle().__await__()
            except Exception:
                self._has_raised = True
                raise
            for check in self._checks:
                check(self._outcome)
        return self._outcome

    def __del__(self) -> None:
        if not self._has_begun:
            warnings.warn(self._forgotten, RuntimeWarning, stacklevel=2)

    @property
    def _forgotten(self) -> str:
        return f"{self._description} was never awaited, so nothing was handled or checked"

    def _expect(self, check: Callable[[Outcome[R]], object]) -> Self:
        __tracebackhide__ = True
        if self._outcome is not None:
            check(self._outcome)
        self._checks.append(check)
        return self


def expect(
    message: Message[Any], handle: Callable[[], Coroutine[Any, Any, Outcome[R]]]
) -> Expectation[R]:
    """Return what will be expected of a message; nothing is handled before it is awaited."""
    return Expectation(message, handle)

"""The clock and the identifiers that new messages get in a test."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from ..domain.model import identity
from ..domain.model.message import NOW
from ..exceptions import ConfigurationError

_FIRST = UUID("00000000-0000-7000-8000-000000000000").int


class Clock:
    """A clock that a test sets. While it is in use, messages are created at its time.

    Enter it to use it: it holds for all messages of the process, whoever creates them. Called, it
    returns its time, so that it can also be the dependency of a handler.

    Args:
        now: the time to begin with.

    Raises:
        ConfigurationError: the time has no time zone.
    """

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._outer: list[Any] = []
        self.set(now)

    @property
    def now(self) -> datetime:
        """The time, which stands still until it is set."""
        return self._now

    def set(self, now: datetime) -> None:
        """Set the time.

        Raises:
            ConfigurationError: it has no time zone.
        """
        if now.utcoffset() is None:
            text = f"{now!r} has no time zone"
            raise ConfigurationError(text, advice="Write datetime(..., tzinfo=UTC).")
        self._now = now

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self._now += duration

    def __call__(self) -> datetime:
        """Return the time."""
        return self._now

    def __enter__(self) -> Self:
        self._outer.append(NOW.__reduce__()[2])
        _set(self, (), {}, {})
        return self

    def __exit__(self, *exc_info: object) -> None:
        _set(*self._outer.pop())


class Identifiers:
    """The identifiers that messages get while it is in use: a series, or what a test gives.

    Enter it to use it: it holds for all messages of the process, whoever creates them. The
    identifiers of the series sort in order of creation. By these, the messages of several models
    are handled, so whoever gives others decides about the order.

    ``identifiers[0]`` is the first of the series, ``identifiers[1]`` the second.
    """

    def __init__(self) -> None:
        self._outer: list[Any] = []
        self._given: deque[UUID] = deque()
        self._count = 0

    def __getitem__(self, number: int) -> UUID:
        """Return an identifier of the series by its number, which begins with 0."""
        return UUID(int=_FIRST + number)

    def give(self, *ids: UUID) -> None:
        """Let the next messages get these identifiers, before the series goes on."""
        self._given.extend(ids)

    def __enter__(self) -> Self:
        outer = identity._set_int
        set_int = UUID.__dict__["int"].__set__

        def set_next(identifier: UUID, _made: int) -> None:
            set_int(identifier, self._next().int)

        self._outer.append(outer)
        identity._set_int = set_next
        return self

    def __exit__(self, *exc_info: object) -> None:
        identity._set_int = self._outer.pop()

    def _next(self) -> UUID:
        if self._given:
            return self._given.popleft()
        self._count += 1
        return self[self._count - 1]


def _set(function: Any, args: tuple[Any, ...], keywords: dict[str, Any], own: Any) -> None:
    """Let messages take their time from a function.

    The schema of each message class holds this very object, so it is changed, not replaced.
    """
    NOW.__setstate__((function, args, keywords, own))  # type: ignore[attr-defined]

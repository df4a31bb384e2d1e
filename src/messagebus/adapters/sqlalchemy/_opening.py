"""The limit for what SQLAlchemy asks a new connection before anybody can use it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from ._hang_up import HangUp


class Timer(Protocol):
    """A call in the future."""

    def cancel(self) -> object:
        """Do not make it."""


class _Opening:
    """Hangs up a connection that is being opened, unless it is usable in time."""

    def __init__(self, engine: Engine, later: Callable[[HangUp], Timer]) -> None:
        self.hang_up = HangUp(engine.dialect, None)
        self._later = later
        self._timer: Timer | None = None

    def begin(self, driver: Any) -> None:
        if self._timer is None:
            self.hang_up.take(driver)
            self._timer = self._later(self.hang_up) if self.hang_up else None

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


_present: ContextVar[_Opening | None] = ContextVar("opening", default=None)


@contextmanager
def opening_within(
    engine: Engine, seconds: float, later: Callable[[float, HangUp], Timer]
) -> Generator[None]:
    """Limit how long a server may take for the first questions to a connection of the block.

    The driver limits connecting itself. What SQLAlchemy and its dialect ask then, such as the
    version of the server, would be waited for as long as the server is silent.

    Args:
        engine: opens the connection, if its pool has none to give.
        seconds: the limit.
        later: makes a call after some seconds.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time.
    """
    opening = _Opening(engine, lambda hang_up: later(seconds, hang_up))
    token = _present.set(opening)
    try:
        with opening.hang_up.explaining(seconds):
            yield
    finally:
        _present.reset(token)
        opening.end()


def _connected(_connection: Any, record: Any) -> None:
    if (opening := _present.get()) is not None:
        opening.begin(record.driver_connection)


# To all pools, and so before what SQLAlchemy does with a new connection, which is done for each of
# them; and once, since threads that connect meanwhile bear no change of what listens to their pool.
event.listen(Pool, "connect", _connected)

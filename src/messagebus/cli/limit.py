"""The time limit of the database for a command."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError

from ..adapters.sqlalchemy._deadlines import Deadline, deadlines
from ..adapters.sqlalchemy._hang_up import HangUp


@contextmanager
def answering_within(engine: sa.Engine, seconds: float) -> Generator[None]:
    """Limit how long a server may take for each connection that the block opens and uses.

    The block uses one connection at a time. It is not limited while it uses none, as when it asks
    whoever is at the terminal.

    Args:
        engine: opens the connections.
        seconds: the limit.

    Raises:
        sqlalchemy.exc.TimeoutError: the database has not answered in time.
    """
    hang_up: HangUp | None = None
    deadline: Deadline | None = None

    def begin(connection: Any, *_: object) -> None:
        nonlocal hang_up, deadline
        end()
        hang_up = HangUp(engine.dialect, connection)
        if hang_up:  # SQLite limits its waits itself
            deadline = deadlines.add(seconds, hang_up)

    def end(*_: object) -> None:
        if deadline is not None:
            deadline.cancel()

    # Before SQLAlchemy asks a new connection for the version of its server.
    sa.event.listen(engine, "connect", begin, insert=True)
    sa.event.listen(engine, "checkout", begin)
    sa.event.listen(engine, "checkin", end)
    try:
        yield
    except Exception as error:
        if hang_up is None or not hang_up.done:
            raise
        timeout = DatabaseTimeoutError(f"the database has not answered for {seconds:.1f} s")
        timeout.add_note("If it needs longer for this, pass a longer --timeout.")
        raise timeout from error
    finally:
        end()

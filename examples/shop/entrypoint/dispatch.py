"""Sending what the shop publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from messagebus.adapters.sqlalchemy import AsyncOutboxRelay

PRINTED = "stdout:"
"""The stream that is the standard output."""


class UnsentError(Exception):
    """Published messages are not sent yet; they wait in the database."""

    def __init__(self, pending: int, parked: int, cause: Exception | None) -> None:
        why = "" if cause is None else f": {cause}"
        super().__init__(
            f"of the published messages, {pending} wait to be sent and {parked} were given up{why}"
        )
        self.pending = pending
        self.parked = parked
        for note in getattr(cause, "__notes__", ()):
            self.add_note(note)


@asynccontextmanager
async def sending(relay: AsyncOutboxRelay) -> AsyncIterator[None]:
    """Send what is committed while the block runs."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        relay.stop()
        await task


async def send_the_rest(relay: AsyncOutboxRelay) -> None:
    """Send all that waits, also what a run has left that was killed.

    Raises:
        BrokenPipeError: it is printed, and whoever has read the output has left.
        UnsentError: not all can be sent.
    """
    failure = None
    try:
        await relay.drain()
    except (ConnectionError, TimeoutError) as error:
        if isinstance(error.__cause__, BrokenPipeError):
            raise error.__cause__ from None
        failure = error
    backlog = await relay.outbox.backlog()
    if failure is not None or backlog.pending or backlog.parked:
        raise UnsentError(backlog.pending, backlog.parked, failure) from failure

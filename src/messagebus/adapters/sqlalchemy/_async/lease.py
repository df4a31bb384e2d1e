"""The lease of one relay, and the transactions that it fences."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from .._compat.aio import AsyncEngine, run
from .._relay_queries import Claims, LeaseLostError
from ..delivery import Outcome
from ..engine import READ_ONLY

log = logging.getLogger("messagebus.relay")

P = ParamSpec("P")
R = TypeVar("R")


class AsyncLease:
    """Acquires the lease, keeps it, and runs what only its holder may do.

    Args:
        engine: connects to the database.
        claims: the transactions.
    """

    def __init__(self, engine: AsyncEngine, claims: Claims) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**READ_ONLY)
        self._claims = claims
        self._duration = claims.duration.total_seconds()
        self._token: int | None = None
        self._renewed = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it is held, for all that is known here."""
        return self._token is not None

    @property
    def is_fresh(self) -> bool:
        """Whether it can not have ended meanwhile: no other relay may have it."""
        return self._token is not None and monotonic() - self._renewed < self._duration

    async def acquire(self) -> bool:
        """Acquire it if it is free; return whether it is held now."""
        if not await run(self._reading, self._claims.is_free):
            return False
        begun = monotonic()
        self._token = await run(self._engine, self._claims.acquire)
        self._renewed = begun
        if self._token is not None:
            log.info(
                "leading, with token %d",
                self._token,
                extra={"event": "relay.leading", "holder": self._claims.holder},
            )
        return self._token is not None

    async def run(
        self,
        function: Callable[Concatenate[Connection, int, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run a transaction of the holder, which renews the lease.

        Args:
            function: takes the connection, the token, and what follows.
            args: what else it takes.
            kwargs: what else it takes by name.

        Raises:
            LeaseLostError: another relay has the lease; nothing was written.
        """
        if self._token is None:
            raise LeaseLostError
        begun = monotonic()
        try:
            result = await run(self._engine, function, self._token, *args, **kwargs)
        except LeaseLostError:
            self._token = None
            raise
        self._renewed = begun
        return result

    async def renew(self) -> None:
        """Renew it when a third of its time is over.

        Raises:
            LeaseLostError: another relay has it.
        """
        if monotonic() - self._renewed > self._duration / 3:
            await self.run(self._claims.renew)

    async def release(self, outcome: Outcome | None) -> None:
        """Record the last outcome, and let another relay take over at once.

        Raises:
            LeaseLostError: another relay has done so already.
        """
        if self._token is not None:
            try:
                await self.run(self._claims.release, outcome)
            finally:
                self._token = None

"""The client of a transport or of a source."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ...._ranges import SHORTEST, ensure_number
from ....exceptions import ConfigurationError
from .._compat.aio import AsyncRedis, current_loop


class AsyncClient:
    """A client that somebody gave, or one of our own for each event loop.

    Args:
        given: the client that somebody gave, which stays open; None for one of our own.
        new: create a client of our own.

    Attributes:
        latest: the client that was in use last.

    Raises:
        ConfigurationError: what was given is no client.
    """

    def __init__(self, given: Any, new: Callable[[], Any] | None = None) -> None:
        self.latest: Any = given if new is None else new()
        if not hasattr(self.latest, "register_script"):
            problem = f"{type(given).__name__} is no client that can run a script"
            advice = "Of a Sentinel, give the client of the primary: sentinel.master_for(name)."
            raise ConfigurationError(problem, advice=advice)
        self._new = new
        self._loop: object = None
        self._left: list[Any] = []

    @classmethod
    def of_url(cls, address: str, timeout: float, settings: dict[str, Any]) -> AsyncClient:
        """Create one that has a client of its own.

        Raises:
            ConfigurationError: the timeout is out of its range.
        """
        ensure_number("timeout", timeout, least=SHORTEST)
        client: Any = AsyncRedis
        new = partial(
            client.from_url,
            address,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Its user retries by itself: it knows what is confirmed.
            retry=None,
            **settings,
        )
        return cls(None, new)

    def current(self) -> Any:  # its types differ from version to version
        """Return the client.

        One of our own whose connections belong to another event loop is replaced. That loop may
        have ended, or it runs in the parent of this process.
        """
        loop = current_loop()
        if self._new is not None and self._loop not in {None, loop}:
            self._left.append(self.latest)  # it would close its connections when collected
            self.latest = self._new()
        self._loop = loop
        return self.latest

    async def drop(self) -> None:
        """Drop idle connections, so that the name of the server is looked up again."""
        # A client for a cluster has no such pool, and finds the other nodes by itself.
        pool = getattr(self.latest, "connection_pool", None)
        if pool is not None:
            await pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        """Close the connections, unless somebody gave the client."""
        if self._new is not None:
            await self.current().aclose()

"""The connection and the durable consumers with which a source reads JetStream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from nats.aio.msg import Msg

from ...exceptions import TransportUnavailableError
from .._transport.holdings import Holdings
from .._transport.meaning import failure_of
from .arrival import Place
from .connection import Connection, Stream
from .errors import CLIENT_ERRORS, explain
from .pulling import Durable, Pulls, renew_durable, share_durable
from .servers import Server


class Reader:
    """The part of a source that connects; the source sets its attributes."""

    hold: float | None
    _servers: Sequence[Server]
    _subjects: Sequence[str]
    _stream: Stream
    _consumer: str
    _timeout: float
    _client_options: Mapping[str, Any]
    _assigned: Collection[int]
    _holdings: Holdings
    _messages: dict[Place, Msg]
    _loop: asyncio.AbstractEventLoop | None = None
    _connection: Connection | None
    _pulls: Pulls | None
    _durables: dict[str, Durable]

    def _forget(self) -> None:
        self._connection = None
        self._pulls = None
        self._durables = {}
        self._holdings.clear()
        self._messages = {}

    async def _connected(self) -> Pulls:
        self._enter_loop()
        if self._connection is not None and not self._connection.usable:
            await self._lose()
        if self._pulls is None:
            self._connection = Connection(self._stream, self._timeout)
            await self._connection.open(self._servers, self._client_options)
            self._connection.ensure_heard()
            pulls = Pulls(self._connection.client, self._stream.name)
            await pulls.open()
            self._pulls = pulls
        return self._pulls

    async def _make_durables(self) -> None:
        """Make or find the durable consumers of what is to be read."""
        client = self._client()
        if self.hold is not None:
            if not self._durables:
                subject = self._subjects[0] if len(self._subjects) == 1 else self._stream.pattern
                name = self._consumer
                self._durables[name] = await share_durable(
                    client, self._stream.name, name, subject, self.hold, self._timeout
                )
            return
        read = {each.partition for each in self._durables.values()}
        for partition in sorted(set(self._assigned) - read):
            durable = await renew_durable(
                client,
                self._stream.name,
                f"{self._consumer}_{partition}",
                self._subjects[partition],
                partition,
                self._timeout,
            )
            self._durables = {**self._durables, durable.name: durable}

    def _client(self) -> Any:
        if self._connection is None:
            problem = "The connection to NATS is lost"
            raise TransportUnavailableError(problem)
        return self._connection.client

    async def _lose(self) -> None:
        connection = self._connection
        self._forget()
        if connection is not None:
            await connection.close()

    def _enter_loop(self) -> None:
        """Forget what belongs to another event loop: here it can be neither used nor closed."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._forget()

    @contextlib.asynccontextmanager
    async def _failures(self) -> AsyncIterator[None]:
        try:
            yield
        except TransportUnavailableError:
            await self._lose()
            raise
        except CLIENT_ERRORS as error:
            await self._lose()
            raise failure_of(*explain(error), None) from error

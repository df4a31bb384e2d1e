"""A connection to JetStream that is used until it is lost, and never repaired."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, NoServersError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import StreamInfo
from nats.js.errors import (
    APIError,
    BadRequestError,
    NoStreamResponseError,
    NotFoundError,
    ServiceUnavailableError,
)

from ...exceptions import StreamMissingError
from .subject import listens

_NO_RESPONDERS = "503"
_NAME_IN_USE = 10058
_STREAM_NOT_FOUND = 10059
_ADVICE = (
    "Create it, `nats stream add {name} --subjects '{pattern}'`, "
    "or let the transport do it with create=True."
)


class Stream(NamedTuple):
    """The stream that a transport needs.

    Attributes:
        name: the name of the stream.
        pattern: the subjects to which it must listen.
        create: create the stream if it does not exist.
        deduplicate_for: how long a stream created here remembers a message, in seconds.
    """

    name: str
    pattern: str
    create: bool
    deduplicate_for: float


class Letter(NamedTuple):
    """A message as it is published.

    Attributes:
        subject: the subject to publish to.
        body: the message as JSON.
        headers: the headers for JetStream: the expected stream and the identifier.
    """

    subject: str
    body: bytes
    headers: dict[str, str]


class Connection:
    """A connection to JetStream.

    The client's own reconnecting is off: it sends messages written during an outage, but not those
    in flight when the outage began, so that messages would arrive out of order.

    Args:
        stream: the stream that receives the messages.
        timeout: the limit for an answer, in seconds.
    """

    def __init__(self, stream: Stream, timeout: float) -> None:
        self._stream = stream
        self._timeout = timeout
        self._client = Client()
        self._last_error: Exception | None = None
        self._patterns: Sequence[str] = ()
        self._inbox = ""
        self._numbers = itertools.count()
        self._awaited: dict[str, asyncio.Future[Exception | None]] = {}

    @property
    def usable(self) -> bool:
        """Whether the connection is neither lost nor closed."""
        return self._client.is_connected

    @property
    def max_size(self) -> int:
        """The largest message that the server accepts, in bytes."""
        return self._client.max_payload

    async def open(self, servers: Sequence[str], options: Mapping[str, Any]) -> None:
        """Connect, and ensure that the stream exists.

        Raises:
            StreamMissingError: the stream does not exist.
            nats.errors.Error: there is no connection, or no JetStream.
            OSError: there is no connection.
        """
        settings: dict[str, Any] = {
            **options,
            "servers": list(servers),
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,  # for each server; 0 would mean for ever
            "reconnect_time_wait": 0,
            "connect_timeout": self._timeout,
            "error_cb": self._note,
            "closed_cb": self._lose,
        }
        try:
            await self._client.connect(**settings)
        except NoServersError as error:
            raise self._last_error or error from None
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._jetstream = self._client.jetstream(timeout=self._timeout)
        await self.check()

    async def check(self) -> None:
        """Ensure that the stream exists.

        Raises:
            StreamMissingError: the stream does not exist.
            nats.errors.Error: the server does not answer, or cannot create the stream.
        """
        name, pattern = self._stream.name, self._stream.pattern
        try:
            info = await self._jetstream.stream_info(name)
        except ServiceUnavailableError as error:
            # Without JetStream no one answers, and the error has no description.
            error.description = error.description or "JetStream does not answer; is it enabled?"
            raise
        except NotFoundError as error:
            if error.err_code != _STREAM_NOT_FOUND:
                raise
            if not self._stream.create:
                advice = _ADVICE.format(name=name, pattern=pattern)
                raise StreamMissingError(name, advice) from error
            info = await self._create()
        self._patterns = info.config.subjects or ()

    def reaches(self, subject: str) -> bool:
        """Return whether the stream, as last seen, receives messages sent to a subject."""
        return any(listens(pattern, subject) for pattern in self._patterns)

    async def publish(self, letters: Sequence[Letter]) -> list[Exception | None]:
        """Send letters in order, and wait until the server has answered.

        Returns:
            The error of each letter; None where it is confirmed.
        """
        # Not by the client's publish_async: it never ends the wait for a letter that is refused.
        replies: list[asyncio.Future[Exception | None]] = []
        failure: Exception = ConnectionClosedError()
        try:
            async with asyncio.timeout(self._timeout):
                for subject, body, headers in letters:
                    inbox = f"{self._inbox}.{next(self._numbers)}"
                    reply = self._awaited[inbox] = asyncio.get_running_loop().create_future()
                    await self._client.publish(subject, body, inbox, headers)
                    replies.append(reply)
        except (NatsError, OSError) as error:  # TimeoutError is an OSError
            failure = error
        if replies:
            await asyncio.wait(replies, timeout=self._timeout)
        return [
            *(reply.result() if reply.done() else NatsTimeoutError() for reply in replies),
            *(failure for _ in letters[len(replies) :]),
        ]

    async def close(self) -> None:
        """Close the connection; messages that are not confirmed may arrive or not."""
        # Closing a client that never opened fails in many ways, and a server that does not read
        # blocks it. Nothing depends on a clean close.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.close(), self._timeout)

    async def _create(self) -> StreamInfo:
        try:
            return await self._jetstream.add_stream(
                name=self._stream.name,
                subjects=[self._stream.pattern],
                duplicate_window=self._stream.deduplicate_for,
            )
        except BadRequestError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            return await self._jetstream.stream_info(self._stream.name)

    async def _answered(self, answer: Msg) -> None:
        reply = self._awaited.pop(answer.subject, None)
        if reply is not None and not reply.done():
            reply.set_result(_problem(answer))

    async def _note(self, error: Exception) -> None:
        self._last_error = error

    async def _lose(self) -> None:
        for reply in self._awaited.values():
            if not reply.done():
                reply.set_result(ConnectionClosedError())


def _problem(answer: Msg) -> Exception | None:
    """Return the error in an answer; None if the letter is stored."""
    if (answer.headers or {}).get("Status") == _NO_RESPONDERS:
        return NoStreamResponseError()
    problem = json.loads(answer.data).get("error")
    if problem is None:
        return None
    try:
        raise APIError.from_error(problem)
    except APIError as error:
        return error

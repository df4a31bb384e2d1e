"""A connection to JetStream that is used until it is lost, and never repaired."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, NoServersError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import APIError, NoStreamResponseError

from ...exceptions import StreamMissingError, TransportRefusedError
from .._transport.meaning import Meaning
from .client import SecureClient
from .errors import CLIENT_ERRORS, error_of, explain, violation_of
from .servers import Server
from .subject import listens, overlap

_NAME_IN_USE = 10058
_STREAM_NOT_FOUND = 10059
_ADVICE = (
    "Create it, `nats stream add {name} --subjects '{pattern}'`, "
    "or let the transport do it with create=True."
)
_API = "$JS.API.STREAM"


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
        headers: the headers for JetStream: the expected stream, the identifier, the trace context.
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
        self._client = SecureClient()
        self._last_error: Exception | None = None
        self._refusal: Exception | None = None
        self._patterns: Sequence[str] = ()
        self._inbox = ""
        self._numbers = itertools.count()
        self._awaited: dict[str, tuple[str, asyncio.Future[Msg | Exception]]] = {}

    @property
    def usable(self) -> bool:
        """Whether the connection is neither lost nor closed."""
        return self._client.is_connected

    @property
    def client(self) -> SecureClient:
        """The client of the connection that is open."""
        return self._client

    @property
    def max_size(self) -> int:
        """The largest message that the server accepts, in bytes."""
        return self._client.max_payload

    async def open(self, servers: Sequence[Server], options: Mapping[str, Any]) -> None:
        """Connect to one of the servers, and ensure that the stream exists.

        Raises:
            StreamMissingError: the stream does not exist.
            TransportRefusedError: the stream takes no messages.
            nats.errors.Error: there is no connection, or no JetStream.
            OSError: there is no connection.
        """
        failures: list[Exception] = []
        for server in random.sample(servers, len(servers)):
            try:
                await self._connect(server, options)
                break
            except CLIENT_ERRORS as error:
                failures.append(error)
                await self.close()
        else:
            # A server that answers says more than one that does not.
            refused = (each for each in failures if explain(each)[0] is Meaning.REFUSED)
            raise next(refused, failures[-1])
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(f"{self._inbox}.*", cb=self._answered)
        await self.check()

    async def _connect(self, server: Server, options: Mapping[str, Any]) -> None:
        self._client = SecureClient()
        settings: dict[str, Any] = {
            **server.login,
            **options,
            "servers": [server.url],
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,  # 0 would mean for ever
            "reconnect_time_wait": 0,
            "connect_timeout": self._timeout,
            "error_cb": self._note,
            "closed_cb": self._lose,
        }
        try:
            await self._client.connect(**settings)
        except NoServersError as error:
            raise self._last_error or error from None

    async def check(self) -> None:
        """Ensure that the stream exists and takes messages.

        Raises:
            StreamMissingError: the stream does not exist.
            TransportRefusedError: the stream is a mirror, is sealed, or confirms nothing.
            nats.errors.Error: the server does not answer, or cannot create the stream.
            OSError: the connection is lost.
        """
        name, pattern = self._stream.name, self._stream.pattern
        try:
            config = await self._config()
        except APIError as error:
            if error.err_code != _STREAM_NOT_FOUND:
                raise
            if not self._stream.create:
                advice = _ADVICE.format(name=name, pattern=pattern)
                raise StreamMissingError(name, advice) from error
            config = await self._create()
        self._patterns = config.get("subjects") or ()
        if config.get("mirror"):
            origin = config["mirror"].get("name")
            problem = f"The stream {name!r} is a mirror, which takes no messages"
            advice = f"Send to the stream that it copies, {origin!r}."
            raise TransportRefusedError(problem, advice=advice)
        if config.get("sealed"):
            problem = f"The stream {name!r} is sealed, so it takes no messages any more"
            raise TransportRefusedError(problem, advice="Send to another stream.")
        if config.get("no_ack"):
            problem = f"The stream {name!r} has no_ack set, so it confirms no message"
            raise TransportRefusedError(problem, advice="Unset it, or send to another stream.")

    def ensure_heard(self) -> None:
        """Ensure that the stream, as last seen, listens to a subject that messages may have.

        Raises:
            StreamMissingError: it does not.
        """
        name, pattern = self._stream.name, self._stream.pattern
        if not any(overlap(each, pattern) for each in self._patterns):
            problem = f"The stream {name!r} does not listen to {pattern!r}"
            advice = f"Add the subject, `nats stream edit {name}`, or send to others."
            raise StreamMissingError(name, advice, problem)

    def reaches(self, subject: str) -> bool:
        """Return whether the stream, as last seen, receives messages sent to a subject."""
        return any(listens(pattern, subject) for pattern in self._patterns)

    async def publish(self, letters: Sequence[Letter]) -> list[Exception | None]:
        """Send letters in order, and wait until the server has answered.

        Returns:
            The error of each letter; None where it is confirmed.
        """
        answers = await self._ask(letters)
        return [each if isinstance(each, Exception) else error_of(each) for each in answers]

    async def _ask(self, letters: Sequence[Letter]) -> list[Msg | Exception]:
        """Send letters in order; return the answer to each, or why there is none."""
        # Not by the client's publish_async: it never ends the wait for a letter that is refused.
        replies: list[asyncio.Future[Msg | Exception]] = []
        failure: Exception = ConnectionClosedError()
        if self._refusal is not None:
            return [self._refusal for _ in letters]
        try:
            async with asyncio.timeout(self._timeout):
                for subject, body, headers in letters:
                    inbox = f"{self._inbox}.{next(self._numbers)}"
                    reply = asyncio.get_running_loop().create_future()
                    self._awaited[inbox] = subject, reply
                    await self._client.publish(subject, body, inbox, headers)
                    replies.append(reply)
        except CLIENT_ERRORS as error:
            failure = error
        if replies:
            await asyncio.wait(replies, timeout=self._timeout)
        return [
            *(reply.result() if reply.done() else NatsTimeoutError() for reply in replies),
            *(failure for _ in letters[len(replies) :]),
        ]

    async def _request(self, action: str, **settings: Any) -> dict[str, Any]:
        """Ask JetStream to do something with the stream; return the configuration of the stream."""
        body = json.dumps(settings).encode() if settings else b""
        (answer,) = await self._ask([Letter(f"{_API}.{action}.{self._stream.name}", body, {})])
        if isinstance(answer, Exception):
            raise answer
        error = error_of(answer)
        if isinstance(error, NoStreamResponseError):
            problem = "JetStream does not answer; is it enabled?"
            raise NatsError(problem) from error
        if error is not None:
            raise error
        config: dict[str, Any] = json.loads(answer.data)["config"]
        return config

    async def close(self) -> None:
        """Close the connection; messages that are not confirmed may arrive or not."""
        # Closing a client that never opened fails in many ways, and a server that does not read
        # blocks it. Nothing depends on a clean close.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.close(), self._timeout)

    async def _config(self) -> dict[str, Any]:
        return await self._request("INFO")

    async def _create(self) -> dict[str, Any]:
        try:
            return await self._request(
                "CREATE",
                name=self._stream.name,
                subjects=[self._stream.pattern],
                duplicate_window=round(self._stream.deduplicate_for * 1e9),
            )
        except APIError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            return await self._config()

    async def _answered(self, answer: Msg) -> None:
        _, reply = self._awaited.pop(answer.subject, ("", None))
        if reply is not None and not reply.done():
            reply.set_result(answer)

    async def _note(self, error: Exception) -> None:
        self._last_error = error
        subjects = [f"{self._inbox}.*", *(subject for subject, _ in self._awaited.values())]
        text = violation_of(error, subjects)
        if text is None:
            return
        refusal = NatsError(text)
        concerned = [
            reply for subject, reply in self._awaited.values() if text.endswith(f'"{subject}"')
        ]
        if not concerned:  # the subscription to the answers
            self._refusal = refusal
            concerned = [reply for _, reply in self._awaited.values()]
        self._end(concerned, refusal)

    async def _lose(self) -> None:
        reason = self._client.last_error or ConnectionClosedError()
        self._end([reply for _, reply in self._awaited.values()], reason)

    @staticmethod
    def _end(replies: Sequence[asyncio.Future[Msg | Exception]], reason: Exception) -> None:
        for reply in replies:
            if not reply.done():
                reply.set_result(reason)

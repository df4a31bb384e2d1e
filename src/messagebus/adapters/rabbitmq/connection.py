"""A connection to RabbitMQ that is used until it is lost, and never repaired."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.connection import make_url
from aio_pika.exceptions import (
    AMQPConnectionError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from aiormq.exceptions import DeliveryError
from pamqp.commands import Basic

from ...exceptions import StreamMissingError, TransportRefusedError
from .._transport.encoding import caused
from .encoding import Envelope
from .errors import CLIENT_ERRORS

T = TypeVar("T")

_ADVICE = "Declare it, durable and of the type topic, or let the transport do it with create=True."


class Exchange(NamedTuple):
    """The exchange that a transport needs.

    Attributes:
        name: the name of the exchange.
        create: declare the exchange if it does not exist.
    """

    name: str
    create: bool


class Connection:
    """A connection with a channel to publish on, which confirms; others are opened on demand.

    It is lost with any of its channels.

    Args:
        exchange: the exchange that receives the messages.
        timeout: the limit for an answer, in seconds.
    """

    def __init__(self, exchange: Exchange, timeout: float) -> None:
        self._wanted = exchange
        self._timeout = timeout
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self.usable: bool = False
        """Whether the connection is open, and its channels too."""
        self.loss: BaseException | None = None
        """Why it was lost, if the client has told."""
        self.event: asyncio.Event = asyncio.Event()
        """Set when it is lost; whoever waits for something else sets it, too."""

    async def open(self, url: str) -> None:
        """Connect, and ensure that the exchange exists.

        Raises:
            StreamMissingError: the exchange does not exist.
            TransportRefusedError: it cannot be declared as it is wanted.
            aio_pika.exceptions.AMQPError: there is no connection.
            OSError: there is no connection, or no answer.
        """
        async with asyncio.timeout(self._timeout):
            # Made here, it is closed even if it cannot connect. The client would leave that to the
            # collector of garbage, which may run in a thread without a loop.
            self._connection = aio_pika.Connection(make_url(url))
            await self._connection.connect(timeout=self._timeout)
            channel = await self._open_channel(self._connection)
            name = self._wanted.name
            try:
                self._exchange = await channel.get_exchange(name)
            except ChannelNotFoundEntity as error:
                if not self._wanted.create:
                    raise StreamMissingError(name, _ADVICE, f"There is no exchange {name!r}") from (
                        error
                    )
                channel = await self._open_channel(self._connection)
                self._exchange = await self._declare(channel)
        self.usable, self.loss = True, None

    async def open_channel(self) -> AbstractChannel:
        """Open another channel.

        Raises:
            aio_pika.exceptions.AMQPError: the connection is lost.
        """
        if self._connection is None:
            problem = "The connection is closed"
            raise AMQPConnectionError(problem)
        return await self._open_channel(self._connection)

    async def close_channel(self, channel: AbstractChannel) -> None:
        """Close a channel without losing the connection."""
        channel.close_callbacks.discard(self.lose)
        await channel.close()

    async def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await an answer of the server.

        Raises:
            aio_pika.exceptions.AMQPError: the server refuses, or the connection is lost.
            OSError: there is no answer in time.
        """
        async with asyncio.timeout(self._timeout):
            outcome = (await asyncio.gather(coroutine, return_exceptions=True))[0]
        if not isinstance(outcome, BaseException):
            return outcome
        # Gathered, a cancellation inside the client is a result. Like an exception of no class, it
        # means that the connection was closed.
        if isinstance(outcome, asyncio.CancelledError) or type(outcome) is Exception:
            raise caused(AMQPConnectionError("The connection was closed"), outcome)
        raise outcome

    async def _open_channel(self, connection: AbstractConnection) -> AbstractChannel:
        try:
            channel = await connection.channel(on_return_raises=True)
        except RuntimeError as error:  # the client has no class for a connection lost before
            raise AMQPConnectionError(str(error)) from error
        channel.close_callbacks.add(self.lose)
        return channel

    async def _declare(self, channel: AbstractChannel) -> AbstractExchange:
        name = self._wanted.name
        try:
            return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
        except ChannelPreconditionFailed as error:  # somebody was faster, with other settings
            problem = f"The exchange {name!r} exists with other settings"
            raise TransportRefusedError(problem, advice="Use it without create=True.") from error

    async def publish(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        """Send messages in order, and wait until the server has answered.

        Returns:
            The error of each; None where it is confirmed.
        """
        answers = await asyncio.gather(*map(self._publish, envelopes))
        if any(isinstance(each, OSError) for each in answers):
            self.usable = False
        return answers

    async def _publish(self, envelope: Envelope) -> Exception | None:
        assert self._exchange is not None  # noqa: S101
        try:
            await self._exchange.publish(
                envelope.message, envelope.routing_key, mandatory=True, timeout=self._timeout
            )
        except CLIENT_ERRORS as error:
            return error
        except Exception as error:
            if self.usable:
                raise
            # The client has no class for what is pending when the connection is closed.
            return caused(AMQPConnectionError("The connection was closed"), error)
        return None

    def lose(self, _: object, reason: BaseException | None = None) -> None:
        """Note that a channel is lost, and with it the connection."""
        self.usable = False
        self.loss = self.loss or reason
        self.event.set()

    async def close(self) -> None:
        """Close the connection; messages that are not confirmed may arrive or not."""
        self.usable = False
        connection, self._connection = self._connection, None
        if connection is not None:
            # A server that does not answer blocks it; nothing depends on a clean close. Gathered,
            # a cancellation inside the client is a result, and one of this task still an error.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    await asyncio.gather(connection.close(), return_exceptions=True)


def returned(error: Exception) -> bool:
    """Return whether the exchange had no queue for a message."""
    return isinstance(error, DeliveryError) and isinstance(error.frame, Basic.Return)

"""Middleware around the calls of listeners, of *handle* and of a transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from ..._compat.aio import finish
from ...domain.model import Message
from ...exceptions import ConfigurationError
from ..causation import chain_to
from ..middleware import Call, compose
from .eventstream import AsyncAbstractEventstreamTransport
from .listener import AsyncListener
from .transaction import AsyncUnitOfWorkTransaction


class AsyncListenerCall(Call):
    """The call of a listener.

    Args:
        message: see *Attributes*.
        function: see *Attributes*.
        transaction: see *Attributes*.
        dependencies: see *Attributes*.

    Attributes:
        message: the message.
        function: the listener, as it was registered.
        transaction: the transaction of the unit of work.
        dependencies: what the listener takes its dependencies from.
    """

    __slots__ = ("dependencies", "transaction")

    def __init__(
        self,
        message: Message[Any],
        function: Callable[..., Any],
        transaction: AsyncUnitOfWorkTransaction[Any],
        dependencies: Any = None,
    ) -> None:
        # Not by the base class: its call would double the cost of creating one.
        self.message: Message[Any] = message
        self.function: Callable[..., Any] = function
        self.transaction: AsyncUnitOfWorkTransaction[Any] = transaction
        self.dependencies: Any = dependencies

    @property
    def causes(self) -> Sequence[Message[Any]]:
        """The messages that led to this one, the first message of the cascade first."""
        cause = self.transaction.cause
        return [] if cause is None else chain_to(cause.message, cause.cause)


class _BareCall(AsyncListenerCall):
    """A call whose attributes are set one by one.

    The constructor of its base class would take a third of the time that middleware takes.
    """

    __slots__ = ()
    __init__ = object.__init__


class AsyncHandleCall:
    """A call of *handle*: the handling of a first message with everything that it causes.

    Attributes:
        message: the first message.
        transaction: the transaction of the unit of work.
        run: handles the message.
    """

    __slots__ = ("message", "run", "transaction")

    def __init__(
        self,
        message: Message[Any],
        transaction: AsyncUnitOfWorkTransaction[Any],
        run: Callable[[], Any],
    ) -> None:
        self.message: Message[Any] = message
        self.transaction: AsyncUnitOfWorkTransaction[Any] = transaction
        self.run: Callable[[], Any] = run


async def handle(call: AsyncHandleCall) -> Any:
    """Handle the message of a call, after all middleware.

    Raises:
        ConfigurationError: it was handled before. What that has done would still be there.
    """
    run, call.run = call.run, _refuse_to_run_again
    return await run()


def _refuse_to_run_again() -> NoReturn:
    text = "Middleware around *handle* has passed on one call twice"
    advice = "Use *execute* with *retry*, which begins a new transaction."
    raise ConfigurationError(text, advice=advice)


class AsyncSendCall:
    """The sending of a batch by a transport.

    Attributes:
        messages: the wire messages, in order.
        transport: the transport.
    """

    __slots__ = ("_is_sent", "messages", "transport")

    def __init__(
        self,
        messages: Sequence[Mapping[str, Any]],
        transport: AsyncAbstractEventstreamTransport,
    ) -> None:
        self.messages: Sequence[Mapping[str, Any]] = messages
        self.transport: AsyncAbstractEventstreamTransport = transport
        self._is_sent = False

    async def send(self) -> None:
        """Send the messages."""
        sending = self.transport.send_messages_serialized
        await finish(sending(self.messages), sending)  # type: ignore[func-returns-value,unused-ignore]
        self._is_sent = True

    def ensure_sent(self) -> None:
        """Ensure that middleware has passed the call on, and kept no error of the transport back.

        Raises:
            ConfigurationError: it has not, so the messages are not sent.
        """
        if not self._is_sent:
            text = f"Middleware has let a batch of {len(self.messages)} message(s) go unsent"
            advice = "Call *call_next* with the call it was given, and let its errors out."
            raise ConfigurationError(text, advice=advice)


async def send(call: AsyncSendCall) -> None:
    """Send the messages of a call, after all middleware."""
    await call.send()


class AsyncWrappedListener(AsyncListener):
    """A listener whose calls pass through middleware.

    Args:
        listener: the listener.
        middleware: what its calls pass through, the first one outermost.
    """

    __slots__ = ("_call",)

    def __init__(self, listener: AsyncListener, middleware: Sequence[Callable[..., Any]]) -> None:
        self.take_after(listener)
        function, callback = listener.function, listener.callback
        if listener.plain:

            def last(call: AsyncListenerCall) -> Any:
                return callback(call.message, call.transaction)

            # Without a step for the outermost one.
            outermost, others = middleware[0], compose(middleware[1:], last)

            def call_plainly(message: Message[Any], transaction: Any) -> Any:
                call = _BareCall()
                call.message = message
                call.function = function
                call.transaction = transaction
                call.dependencies = None
                return outermost(call, others)

            self.callback = call_plainly
        else:

            def last(call: AsyncListenerCall) -> Any:
                return listener.call(call.message, call.transaction, call.dependencies)

        self._call = compose(middleware, last)

    async def call(self, message: Message[Any], transaction: Any, dependencies: Any) -> Any:
        """Call the listener with its dependencies, through the middleware."""
        return await self._call(
            AsyncListenerCall(message, self.function, transaction, dependencies)
        )

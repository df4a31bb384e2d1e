"""Middleware around what a consumer does: receiving, processing and settling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, overload

from ..._compat.aio import adapt, ensure_own_colour
from ...domain.model import Message
from ...exceptions import ConfigurationError
from ...service.middleware import compose
from ...typing import AsyncMiddleware
from ..backlog import Held
from ..delivery import Delivery
from ..outages import OutageError
from .source import AsyncAbstractSource

_ADVICE = "Call *call_next* with the call it was given, and let its errors out."


class AsyncReceiveCall:
    """A call of *receive* of the source; its result are the deliveries.

    Attributes:
        consumer: the name of the consumer.
        source: the source.
        limit: the most messages to receive.
        wait: the longest wait for the first one, in seconds.
    """

    __slots__ = ("consumer", "limit", "source", "wait")

    def __init__(self, consumer: str, source: AsyncAbstractSource, limit: int, wait: float) -> None:
        self.consumer: str = consumer
        self.source: AsyncAbstractSource = source
        self.limit: int = limit
        self.wait: float = wait


class AsyncProcessCall:
    """The handling of messages in one transaction, with its commit.

    Attributes:
        consumer: the name of the consumer.
        deliveries: the messages as they came; one, unless several share a transaction.
        messages: the messages of their classes.
    """

    __slots__ = ("_apply", "_is_passed_on", "consumer", "deliveries", "messages")

    def __init__(self, consumer: str, held: Sequence[Held], apply: Callable[[], Any]) -> None:
        self.consumer: str = consumer
        self.deliveries: Sequence[Delivery] = [each.delivery for each in held]
        self.messages: Sequence[Message[Any]] = [each.message for each in held if each.message]
        self._apply = apply
        self._is_passed_on = False

    async def process(self) -> None:
        """Handle the messages.

        Raises:
            Exception: handling them has failed.
        """
        failure = await self._apply()
        if failure is not None:
            raise failure
        self._is_passed_on = True

    def ensure_passed_on(self) -> None:
        """Ensure that middleware has passed the call on, and kept no failure back.

        Raises:
            ConfigurationError: it has not, so the messages are not handled.
        """
        if not self._is_passed_on:
            text = f"Middleware has not passed on {len(self.deliveries)} message(s)"
            raise ConfigurationError(text, advice=_ADVICE)


class AsyncSettleCall:
    """A call of *settle* of the source.

    Attributes:
        consumer: the name of the consumer.
        source: the source.
        deliveries: the messages that are done.
    """

    __slots__ = ("consumer", "deliveries", "source")

    def __init__(
        self, consumer: str, source: AsyncAbstractSource, deliveries: Sequence[Delivery]
    ) -> None:
        self.consumer: str = consumer
        self.source: AsyncAbstractSource = source
        self.deliveries: Sequence[Delivery] = deliveries


class AsyncInterceptable:
    """A consumer whose calls pass through middleware.

    Args:
        name: the name of the consumer.
        source: delivers the messages.
    """

    def __init__(self, name: str, source: AsyncAbstractSource) -> None:
        adapt(source.receive)  # refuses one of the other colour
        self.name: str = name
        self.source: AsyncAbstractSource = source
        self._around: dict[str, list[AsyncMiddleware[Any]]] = {
            "receive": [],
            "process": [],
            "settle": [],
        }
        self._receiving: Callable[[AsyncReceiveCall], Any] = _receive
        self._processing: Callable[[AsyncProcessCall], Any] | None = None
        self._settling: Callable[[AsyncSettleCall], Any] = _settle

    @overload
    def add_middleware(
        self,
        middleware: AsyncMiddleware[AsyncProcessCall],
        *,
        around: Literal["process"] = "process",
    ) -> None: ...

    @overload
    def add_middleware(
        self, middleware: AsyncMiddleware[AsyncReceiveCall], *, around: Literal["receive"]
    ) -> None: ...

    @overload
    def add_middleware(
        self, middleware: AsyncMiddleware[AsyncSettleCall], *, around: Literal["settle"]
    ) -> None: ...

    def add_middleware(
        self,
        middleware: AsyncMiddleware[Any],
        *,
        around: Literal["process", "receive", "settle"] = "process",
    ) -> None:
        """Add what is done around calls, inside of what was added before.

        Args:
            middleware: accepts the call and *call_next*, which passes the call on and returns its
                result. An error that it raises counts as one of the call.
            around: ``process`` for each transaction in which messages are handled, with its
                commit; ``receive`` and ``settle`` for the calls of the source.

        Raises:
            ConfigurationError: the middleware belongs to the other colour, or there is nothing of
                that name to wrap.
        """
        ensure_own_colour(middleware)
        if around not in self._around:
            text = f"around must be 'process', 'receive' or 'settle', not {around!r}"
            raise ConfigurationError(text, listener=middleware)
        self._around[around].append(middleware)
        self._receiving = compose(self._around["receive"], _receive)
        self._settling = compose(self._around["settle"], _settle)
        if self._around["process"]:
            self._processing = compose(self._around["process"], _process)

    async def receive_through(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Receive messages through middleware."""
        call = AsyncReceiveCall(self.name, self.source, limit, wait)
        received: Sequence[Delivery] = await self._receiving(call)
        return received

    async def settle_through(self, deliveries: Sequence[Delivery]) -> None:
        """Settle messages through middleware."""
        await self._settling(AsyncSettleCall(self.name, self.source, deliveries))

    async def apply_through(
        self, held: Sequence[Held], apply: Callable[[Sequence[Held]], Any]
    ) -> Exception | None:
        """Handle messages through middleware; return the error of a handler or of middleware.

        Args:
            held: the messages.
            apply: handles them, and returns the error of a handler.

        Raises:
            OutageError: the database cannot be used now.
        """
        if self._processing is None:
            failure: Exception | None = await apply(held)
            return failure
        call = AsyncProcessCall(self.name, held, partial(apply, held))
        try:
            await self._processing(call)
            call.ensure_passed_on()
        except OutageError:
            raise
        except Exception as error:  # noqa: BLE001 - the fate of the messages depends on it
            return error
        return None


async def _receive(call: AsyncReceiveCall) -> Sequence[Delivery]:
    return await call.source.receive(call.limit, call.wait)


async def _settle(call: AsyncSettleCall) -> None:
    await call.source.settle(call.deliveries)


async def _process(call: AsyncProcessCall) -> None:
    await call.process()

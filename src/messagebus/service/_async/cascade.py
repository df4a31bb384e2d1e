"""The cascade: a message and everything that its handling raises, first in, first out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ..._compat.aio import ensure_finished, ensure_settled
from ..._di._async.scope import AsyncHandleScope
from ...domain.model import Message
from ...exceptions import CascadeError
from ..causation import Causation, cause_of, chain_to
from ..diagnostics import annotate
from ..listeners import Listeners
from ..repository import discard
from ..transaction_status import TransactionStatus
from .listener import AsyncDependencies, AsyncListener
from .repository import SINKHOLE
from .transaction import AsyncUnitOfWorkTransaction

_RUNNING = TransactionStatus.running

Waiting = deque[tuple[Message[Any], Causation | None]]
"""The messages to handle, each with the chain that led to it."""


class AsyncCascade:
    """Handles messages and everything that their listeners raise.

    Args:
        listeners: the listeners of the bus.
        factories: make the dependencies that listeners ask for by name.
    """

    def __init__(
        self, listeners: Listeners[AsyncListener], factories: Mapping[str, Callable[[], Any]]
    ) -> None:
        self._listeners = listeners
        self._factories = factories

    async def run(
        self,
        waiting: Waiting,
        uow: AsyncUnitOfWorkTransaction[Any],
        given: dict[str, Any],
        max_depth: int,
    ) -> Any:
        """Handle the waiting messages, and all that they raise.

        Args:
            waiting: the first messages.
            uow: a running transaction.
            given: the dependencies that come with the call.
            max_depth: the number of messages that a chain of causes may have.

        Returns:
            The result of the handler of the first message.

        Raises:
            CascadeError: a chain of causes is too long.
        """
        around = (uow.message, uow.cause)
        try:
            async with AsyncHandleScope() as scope:
                dependencies = AsyncDependencies(self._factories, given, uow, scope)
                return await self._run(waiting, uow, dependencies, max_depth)
        except BaseException:
            # What the failed message has raised goes with the rest of the cascade. In a nested
            # handle it may belong to the outer handler, whose own cascade then drops it.
            if around[0] is None:
                discard(uow.uow.collect_new_events())
            raise
        finally:
            uow.message, uow.cause = around

    async def _run(
        self,
        waiting: Waiting,
        uow: AsyncUnitOfWorkTransaction[Any],
        dependencies: AsyncDependencies,
        max_depth: int,
    ) -> Any:
        work = uow.uow
        eventstore = work.eventstore
        stores = eventstore is not SINKHOLE or eventstore.publisher is not None
        received = None if uow.received is None else uow.received.message
        first = True
        outcome = result = None
        while waiting:
            message, cause = waiting.popleft()
            if cause is not None and cause.depth >= max_depth:
                chain = [type(each) for each in chain_to(message, cause)]
                raise CascadeError(max_depth, chain)
            if uow.status is not _RUNNING:
                uow.ensure_open()  # a listener may have ended it
            uow.message = message
            uow.cause = cause
            route = self._listeners.routes.get(type(message)) or self._listeners.find_route(message)
            raised: list[Message[Any]] = []
            called = 0
            try:
                if route.callbacks is not None:
                    for callback in route.callbacks:
                        outcome = await callback(message, uow)
                        if outcome is not None:
                            ensure = ensure_settled if route.is_command else ensure_finished
                            ensure(outcome, route.matches[called].listener.function)
                        raised.extend(work.collect_new_events())
                        called += 1
                else:
                    for listener, hears in route.matches:
                        if hears is None or hears(message):
                            outcome = await listener.call(message, uow, dependencies)
                            if outcome is not None:
                                ensure = ensure_settled if route.is_command else ensure_finished
                                ensure(outcome, listener.function)
                            raised.extend(work.collect_new_events())
                            if route.is_command:
                                break
                        called += 1
            except BaseException as error:
                annotate(error, route.function(called), message, cause)
                raise
            if first and route.is_command:
                result = outcome
            first = False
            if stores and message is not received:
                adding: Any = eventstore.add(message)  # type: ignore[func-returns-value,unused-ignore]
                if adding is not None and (added := await adding) is not None:
                    ensure_finished(added, eventstore.add)
            if raised:
                cause = cause_of(message, cause)
                waiting.extend([(each, cause) for each in raised])
        return result

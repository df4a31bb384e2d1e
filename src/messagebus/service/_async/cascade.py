"""The cascade: a message and everything that its handling raises, first in, first out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..._compat.aio import ensure_finished, ensure_settled
from ..._routing.router import Match
from ...domain.model import Message
from ...exceptions import CascadeError
from ..causation import Causation, cause_of, chain_to
from ..deadline import ensure_in_time
from ..diagnostics import annotate
from ..listeners import Listeners, Route
from ..repository import discard
from ..transaction_status import TransactionStatus
from .listener import AsyncDependencies, AsyncListener
from .middleware import AsyncHandleCall
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
        self.around: Callable[[AsyncHandleCall], Any] | None = None
        """Passes each call of *handle* through middleware; None if there is none."""

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
        outer = (uow.message, uow.cause)
        try:
            dependencies = AsyncDependencies(self._factories, given, uow)
            try:
                if self.around is None or outer[0] is not None:
                    result = await self._run(waiting, uow, dependencies, max_depth)
                else:
                    run = partial(self._run, waiting, uow, dependencies, max_depth)
                    result = await self.around(AsyncHandleCall(waiting[0][0], uow, run))
            except BaseException as error:
                if dependencies.opened is not None:
                    await dependencies.opened.end(error)
                raise
            else:
                if dependencies.opened is not None:
                    await dependencies.opened.end()
                return result
        except BaseException:
            # What the failed message has raised goes with the rest of the cascade. In a nested
            # handle it may belong to the outer handler, whose own cascade then drops it.
            if outer[0] is None:
                discard(uow.uow.collect_new_events())
            raise
        finally:
            uow.message = outer[0]
            if uow.cause is not outer[1]:
                uow.cause = outer[1]

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
        listeners: Listeners[AsyncListener] | AsyncRoutes = self._listeners
        if uow.deadline is not None or (uow.received is not None and uow.received.listener):
            listeners = AsyncRoutes(self._listeners, uow)
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
            if uow.cause is not cause:  # a guarded transaction is slow to assign to
                uow.cause = cause
            route = listeners.routes.get(type(message)) or listeners.find_route(message)
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
                elif route.collects:
                    called = len(route.matches)  # each failure gets its own note
                    raised = await self._call_all(route, message, uow, dependencies)
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

    async def _call_all(
        self,
        route: Route[AsyncListener],
        message: Message[Any],
        uow: AsyncUnitOfWorkTransaction[Any],
        dependencies: AsyncDependencies,
    ) -> list[Message[Any]]:
        """Call the listeners of an event, although some fail, and return what they have raised.

        Raises:
            ExceptionGroup: some have failed whose errors are collected.
        """
        raised: list[Message[Any]] = []
        failures: list[Exception] = []
        for listener, hears in route.matches:
            if hears is not None and not hears(message):
                continue
            try:
                outcome = await listener.call(message, uow, dependencies)
                if outcome is not None:
                    ensure_finished(outcome, listener.function)
            except Exception as error:
                annotate(error, listener.function, message, uow.cause)
                failures.append(error)
                if listener.on_error != "collect":
                    if len(failures) == 1:
                        raise
                    break
            raised.extend(uow.uow.collect_new_events())
        if failures:
            text = f"{len(failures)} of the listeners of {type(message).__qualname__} failed"
            raise ExceptionGroup(text, failures)
        return raised


class AsyncRoutes:
    """The routes of one *handle* call that has a deadline, or that calls one listener alone.

    They are not cached, so that the cascade needs no further look at each message and listener.

    Args:
        listeners: the listeners of the bus.
        transaction: says what is special about the call.
    """

    __slots__ = ("_listeners", "_transaction", "routes")

    def __init__(
        self, listeners: Listeners[AsyncListener], transaction: AsyncUnitOfWorkTransaction[Any]
    ) -> None:
        self._listeners = listeners
        self._transaction = transaction
        self.routes: Mapping[type, Route[AsyncListener]] = {}

    def find_route(self, message: object) -> Route[AsyncListener]:
        """Resolve the route of a message.

        Raises:
            DeadlineExceededError: the deadline has passed. It is looked at before each listener.
        """
        received = self._transaction.received
        if received is not None and received.listener and message is received.message:
            route = self._listeners.route_to(received.message, received.listener)
        else:
            cached = self._listeners.routes.get(type(message))
            route = cached or self._listeners.find_route(message)
        if self._transaction.deadline is None or not route.matches:
            return route
        matches = [Match(each.listener, self._in_time(each.hears)) for each in route.matches]
        return route._replace(matches=tuple(matches), callbacks=None)

    def _in_time(self, hears: Callable[[object], bool] | None) -> Callable[[object], bool]:
        def hears_in_time(message: object) -> bool:
            ensure_in_time(self._transaction.deadline, self._transaction.message)
            return hears is None or hears(message)

        return hears_in_time

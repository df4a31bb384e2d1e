"""The message bus: registers listeners and dispatches messages to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from sys import _getframe
from types import MappingProxyType, MethodType, UnionType
from typing import Any, Generic, overload

from ..._compat.aio import adapt, ensure_settled
from ..._compat.callables import key_of
from ..._di.overrides import Overridable, Provider
from ..._introspection.signature import EMPTY, parameters
from ...domain.model import GenericEvent, Message, Returns
from ...exceptions import ConfigurationError
from ...serialization.types import MessageTypes
from ...typing import AsyncMessageHandler, P, R, TAsyncUow, TMessage
from ..causation import cause_of
from ..check import check_options, find_barren_scans, find_problems, refuse_problems
from ..diagnostics import annotate, refuse_non_transaction
from ..listeners import Listeners
from ..message_types import find_message_types
from ..repository import NO_MESSAGES, discard
from ..scanning import mark, marked_listeners
from .cascade import AsyncCascade, Waiting
from .dependency import AsyncDependency, MissingDependencyError
from .listener import AsyncEventConsumer, AsyncListener, heard_by
from .substitutes import trace, warn
from .unit_of_work import AsyncUnitOfWorkTransaction, TransactionStatus, TRepositories

__all__ = ["AsyncMessageBus", "ConfigurationError", "MissingDependencyError", "async_listen"]

_RUNNING = TransactionStatus.running


def async_listen(
    wrapped: AsyncMessageHandler[TMessage, TAsyncUow, P, R],
) -> AsyncMessageHandler[TMessage, TAsyncUow, P, R]:
    """Mark a function as a listener of the messages that its first parameter is annotated with.

    The annotation is a command or an event, a base class of several, or a union. A command has
    one handler, whose result *handle* returns; an event has any number of listeners. The listener
    is registered when a bus scans the module that defines it.

    Args:
        wrapped: takes the message, the unit of work, and its dependencies.

    Returns:
        The listener itself.
    """
    mark(wrapped, AsyncMessageBus)
    return wrapped


class AsyncMessageBus(Overridable, Generic[TRepositories]):
    """Registers the listeners of commands and events, and dispatches messages to them.

    Args:
        max_depth: the longest chain of messages in which each raises the next.
        provider: the overrides of dependencies that are declared with *Depends*; components that
            are given the same provider share them.
        dependencies: the dependencies that listeners ask for by name. Each is a class or a
            factory, called without arguments and at most once for each *handle*.

    Raises:
        ConfigurationError: a dependency cannot be called.
    """

    def __init__(
        self,
        *,
        max_depth: int = 1_000,
        provider: Provider | None = None,
        **dependencies: Callable[[], Any],
    ) -> None:
        check_options(max_depth, provider, dependencies)
        super().__init__(provider=provider)
        self.max_depth = max_depth
        self.dependencies = dependencies
        self._listeners: Listeners[AsyncListener] = Listeners(trace, warn)
        self._included: list[AsyncEventConsumer] = []
        self._scanned: set[object] = set()
        self._scans: dict[str, Sequence[type]] = {}
        self._cascade = AsyncCascade(self._listeners, dependencies)

    @property
    def commands_registry(self) -> Mapping[type, Callable[..., Any]]:
        """The handler of each command: a snapshot for reading."""
        return MappingProxyType(self._listeners.commands)

    @property
    def events_registry(self) -> Mapping[type, list[Callable[..., Any]]]:
        """The listeners of each event, in the order of registration: a snapshot for reading."""
        return MappingProxyType(self._listeners.events)

    def add_listener(
        self,
        msg_type: type[Message[Any]] | UnionType,
        callback: AsyncMessageHandler[Any, Any, P, Any],
    ) -> None:
        """Register *callback* for messages of *msg_type* and of its subclasses.

        Args:
            msg_type: a class of commands or events, or a union of such classes.
            callback: takes the message, the unit of work, and its dependencies.

        Raises:
            ConfigurationError: the type is neither a command nor an event, the command already
                has a handler, or the callback does not take a message and a unit of work.
        """
        self._listeners.add(AsyncListener(callback, msg_type, self.provider, _getframe(1).f_locals))

    def remove_listener(
        self, msg_type: type | UnionType, callback: AsyncMessageHandler[Any, Any, P, Any]
    ) -> None:
        """Undo *add_listener*.

        Args:
            msg_type: the type that the listener was added for.
            callback: the listener.

        Raises:
            ConfigurationError: the listener was not registered for that type.
        """
        self._listeners.remove(msg_type, callback)
        if callback not in self._listeners:
            self._scanned.discard(key_of(callback))

    def include(self, consumer: AsyncEventConsumer) -> None:
        """Pass every event to the handlers of a consumer, inside the transaction.

        They run after the listeners of the event. If one fails, *handle* fails.

        Args:
            consumer: a consumer. Handlers may be added to it later; including it twice has no
                further effect.

        Raises:
            ConfigurationError: the consumer belongs to the other colour.
        """
        consumption = adapt(consumer.consume)

        async def consume(event: Message[Any], uow: AsyncUnitOfWorkTransaction[Any]) -> None:  # noqa: ARG001
            ensure_settled(await consumption(event), consumer.consume)

        consume.__qualname__ = f"{type(consumer).__qualname__}.consume"
        if not any(each is consumer for each in self._included):
            self._included.append(consumer)
            self._listeners.add_to_every_event(AsyncListener(consume, GenericEvent, self.provider))

    def scan(self, *mods: str) -> None:
        """Import modules and packages, and register the listeners that they define.

        Packages are walked recursively. A listener is registered once, however often its module
        is scanned and wherever else it is imported.

        Args:
            mods: absolute names of modules or packages.

        Raises:
            ScanError: a name is relative.
            ConfigurationError: a listener cannot be registered.
        """
        is_overridden = self.add_listener != MethodType(AsyncMessageBus.add_listener, self)
        for mod in mods:
            found = [*marked_listeners(mod)]
            self._scans[mod] = [bus for bus, _ in found]
            for callback in (each for bus, each in found if bus is AsyncMessageBus):
                if (key := key_of(callback)) not in self._scanned:
                    if is_overridden:  # it must see the type
                        self.add_listener(heard_by(callback, parameters(callback)), callback)
                    else:
                        self._listeners.add(AsyncListener(callback, EMPTY, self.provider))
                    self._scanned.add(key)

    def check(self, *parts: str | type[Message[Any]], given: Iterable[str] = ()) -> None:
        """Report wiring mistakes. Call it once, at start-up, after all listeners are registered.

        Args:
            parts: the part of the application to check: packages whose commands must have a
                handler, or commands themselves, with their subclasses; by default the packages
                that define a message with a listener.
            given: names of the dependencies that the application passes to *handle*, and of those
                of the bus that only another part asks for.

        Raises:
            ConfigurationError: a command has no handler, its handler does not return what it
                promises, two messages have one name and version, a scan has found nothing, a
                listener asks for a dependency that nothing provides, or no listener asks for a
                dependency of the bus.
        """
        problems = find_problems(self._listeners, self.dependencies, parts, given)
        problems += find_barren_scans(self._scans, AsyncMessageBus, async_listen)
        refuse_problems(problems)

    def message_types(self) -> MessageTypes:
        """Return the classes that the listeners hear, to read their messages from outside.

        Call it when all listeners are registered and all modules that define messages imported:
        of a base class, each subclass that is known by then and has default metadata counts.

        Raises:
            ConfigurationError: two of them have one name and version.
        """
        return find_message_types(self._listeners)

    @overload
    async def handle(
        self,
        message: Returns[R],
        uow: AsyncUnitOfWorkTransaction[TRepositories],
        **dependencies: Any,
    ) -> R: ...

    @overload
    async def handle(
        self,
        message: Message[Any],
        uow: AsyncUnitOfWorkTransaction[TRepositories],
        **dependencies: Any,
    ) -> Any: ...

    async def handle(
        self,
        message: Any,
        uow: AsyncUnitOfWorkTransaction[TRepositories],
        **dependencies: Any,
    ) -> Any:
        """Dispatch a message, then the messages that its listeners raise, first in, first out.

        Each message is added to the eventstore after its listeners have run.

        Args:
            message: a command or an event.
            uow: a running transaction.
            dependencies: the dependencies that listeners ask for by name, for this call.

        Returns:
            The result of the handler of *message*; None for an event, and for a command without
            a handler.

        Raises:
            InvalidMessageError: *message*, or something that was raised, is neither a command nor
                an event.
            TransactionError: the transaction is no longer running.
            MissingDependencyError: a listener asks for a dependency that neither the bus nor the
                call provides.
            UnexpectedDependencyError: no listener of the bus asks for one of *dependencies*, and
                it does not hear the end of the transaction either.
            CascadeError: messages keep raising each other.
        """
        try:
            if uow.status is not _RUNNING:
                uow.ensure_open()
        except AttributeError:
            refuse_non_transaction(uow)
        handler = self._listeners.handlers.get(type(message))
        if handler is not None and uow.bare and uow.message is None and not dependencies:
            return await self._handle_alone(handler, message, uow)
        if dependencies:
            # One that hears the end of the transaction is used even if no listener asks for it.
            self._listeners.refuse_unexpected(
                [name for name, it in dependencies.items() if not isinstance(it, AsyncDependency)]
            )
        cause = None if uow.message is None else cause_of(uow.message, uow.cause)
        waiting: Waiting = deque([(message, cause)])
        if uow.buffer is None:
            return await self._cascade.run(waiting, uow, dependencies, self.max_depth)
        with uow.buffer.active():
            return await self._cascade.run(waiting, uow, dependencies, self.max_depth)

    # The fast path of *handle*: such a command is the most frequent one in programs without an
    # eventstore, and the cascade takes six times as long for it (2.0 instead of 0.3 µs).
    async def _handle_alone(
        self,
        handler: Callable[..., Any],
        message: Message[Any],
        uow: AsyncUnitOfWorkTransaction[Any],
    ) -> Any:
        """Handle a command whose handler takes no dependency, where nothing is stored."""
        uow.message = message
        try:
            result = await handler(message, uow)
            if result is not None:
                ensure_settled(result, handler)
        except BaseException as error:
            annotate(error, self._listeners.routes[type(message)].function(0), message, None)
            discard(uow.uow.collect_new_events())
            raise
        finally:
            uow.message = None
        raised = uow.uow.collect_new_events()
        if raised is not NO_MESSAGES:
            cause = cause_of(message, None)
            waiting: Waiting = deque([(each, cause) for each in raised])
            await self._cascade.run(waiting, uow, {}, self.max_depth)
        return result

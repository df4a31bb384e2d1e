"""The registration of listeners and middleware, and the checks of what is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from sys import _getframe
from types import MappingProxyType, MethodType, UnionType
from typing import Any, Literal, overload

from ..._compat.aio import adapt, ensure_settled
from ..._compat.callables import key_of
from ..._di.overrides import Overridable, Provider
from ..._introspection.signature import EMPTY, parameters
from ...domain.model import GenericEvent, Message
from ...serialization.types import MessageTypes
from ...typing import AsyncMessageHandler, AsyncMiddleware, P, R, TAsyncUow, TMessage
from ..check import check_options, find_barren_scans, find_problems, refuse_problems
from ..listeners import Listeners
from ..message_types import find_message_types
from ..on_error import OnError, check_on_error
from ..scanning import mark, marked_listeners
from .cascade import AsyncCascade
from .listener import AsyncEventConsumer, AsyncListener, heard_by
from .middleware import AsyncHandleCall, AsyncListenerCall
from .preparation import AsyncPreparation
from .substitutes import warn
from .unit_of_work import AsyncUnitOfWorkTransaction


@overload
def async_listen(
    wrapped: AsyncMessageHandler[TMessage, TAsyncUow, P, R],
) -> AsyncMessageHandler[TMessage, TAsyncUow, P, R]: ...


@overload
def async_listen(
    *, on_error: OnError
) -> Callable[
    [AsyncMessageHandler[TMessage, TAsyncUow, P, R]],
    AsyncMessageHandler[TMessage, TAsyncUow, P, R],
]: ...


def async_listen(wrapped: Any = None, *, on_error: OnError | None = None) -> Any:
    """Mark a function as a listener of the messages that its first parameter is annotated with.

    The annotation is a command or an event, a base class of several, or a union. A command has
    one handler, whose result *handle* returns; an event has any number of listeners. The listener
    is registered when a bus scans the module that defines it.

    Args:
        wrapped: takes the message, the unit of work, and its dependencies.
        on_error: what happens when it fails on an event; by default what the bus says.

    Returns:
        The listener itself; the decorator if *on_error* is given.
    """

    def decorate(listener: Any) -> Any:
        mark(listener, async_listen, on_error)
        return listener

    return decorate if wrapped is None else decorate(wrapped)


class AsyncListenerRegistry(Overridable):
    """Registers the listeners of commands and events, and middleware around their calls.

    Args:
        max_depth: the longest chain of messages in which each raises the next.
        provider: the overrides of dependencies that are declared with *Depends*; components that
            are given the same provider share them.
        on_error: what happens when a listener of an event fails.
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
        on_error: OnError = "raise",
        **dependencies: Callable[[], Any],
    ) -> None:
        check_options(max_depth, provider, dependencies)
        check_on_error(on_error)
        super().__init__(provider=provider)
        self.max_depth = max_depth
        self.on_error: OnError = on_error
        self.dependencies = dependencies
        self._preparation = AsyncPreparation()
        self._listeners: Listeners[AsyncListener] = Listeners(self._preparation.prepare, warn)
        self._included: list[AsyncEventConsumer] = []
        self._scanned: set[object] = set()
        self._scans: dict[str, Sequence[Callable[..., Any]]] = {}
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
        *,
        on_error: OnError | None = None,
    ) -> None:
        """Register *callback* for messages of *msg_type* and of its subclasses.

        Args:
            msg_type: a class of commands or events, or a union of such classes.
            callback: takes the message, the unit of work, and its dependencies.
            on_error: what happens when it fails on an event; by default what the bus says.

        Raises:
            ConfigurationError: the type is neither a command nor an event, the command already
                has a handler, the callback does not take a message and a unit of work, or
                *on_error* is given for a command.
        """
        self._add(callback, msg_type, on_error, _getframe(1).f_locals)

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

        consume.__module__ = type(consumer).__module__
        consume.__qualname__ = f"{type(consumer).__qualname__}.consume"
        if not any(each is consumer for each in self._included):
            self._included.append(consumer)
            listener = AsyncListener(consume, GenericEvent, self.provider, on_error=self.on_error)
            self._listeners.add_to_every_event(listener)
            self._preparation.allow(self.on_error, self._listeners, self._cascade)

    @overload
    def add_middleware(
        self,
        middleware: AsyncMiddleware[AsyncListenerCall],
        *,
        around: Literal["listener"] = "listener",
    ) -> None: ...

    @overload
    def add_middleware(
        self, middleware: AsyncMiddleware[AsyncHandleCall], *, around: Literal["handle"]
    ) -> None: ...

    def add_middleware(
        self,
        middleware: AsyncMiddleware[Any],
        *,
        around: Literal["listener", "handle"] = "listener",
    ) -> None:
        """Add what is done around calls, inside of what was added before.

        Args:
            middleware: accepts the call and *call_next*, which passes the call on and returns its
                result. What it returns is the result.
            around: ``listener`` for each call of a listener. ``handle`` for each call of *handle*
                with everything that it causes; a call within a listener is part of the outer one.

        Raises:
            ConfigurationError: the middleware belongs to the other colour, or there is nothing of
                that name to wrap.
        """
        self._preparation.add(middleware, around, self._listeners, self._cascade)

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
        is_overridden = self.add_listener != MethodType(AsyncListenerRegistry.add_listener, self)
        for mod in mods:
            found = [*marked_listeners(mod)]
            self._scans[mod] = [each.decorator for each in found]
            for decorator, callback, on_error in found:
                if decorator is not async_listen:
                    continue
                if (key := key_of(callback)) in self._scanned:
                    continue
                if is_overridden:  # it must see the type
                    options: dict[str, Any] = {} if on_error is None else {"on_error": on_error}
                    heard = heard_by(callback, parameters(callback))
                    self.add_listener(heard, callback, **options)
                else:
                    self._add(callback, EMPTY, on_error)
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
        problems += find_barren_scans(self._scans, async_listen)
        refuse_problems(problems)

    def message_types(self) -> MessageTypes:
        """Return the classes that the listeners hear, to read their messages from outside.

        Call it when all listeners are registered and all modules that define messages imported:
        of a base class, each subclass that is known by then and has default metadata counts.

        Raises:
            ConfigurationError: two of them have one name and version.
        """
        return find_message_types(self._listeners)

    def _add(
        self,
        callback: Callable[..., Any],
        annotation: Any,
        on_error: OnError | None,
        localns: Mapping[str, Any] | None = None,
    ) -> None:
        own = on_error is not None
        if own:
            check_on_error(on_error, callback)
        policy = on_error or self.on_error
        listener = AsyncListener(callback, annotation, self.provider, localns, policy)
        self._listeners.add(listener, of_events=own)
        self._preparation.allow(policy, self._listeners, self._cascade)

"""The listeners of a bus, by the messages that they hear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .._compat.callables import describe, is_generator_function, key_of
from .._compat.logs import get_logger
from .._routing.router import Match, Router
from .._routing.targets import Target, targets
from ..domain.model import GenericCommand, GenericEvent, Message
from ..exceptions import ConfigurationError, InvalidMessageError, UnexpectedDependencyError
from .listener_names import named
from .on_error import OnError
from .snapshot import Snapshot


class Listener(Protocol):
    """A callback with what was read of it when it was registered."""

    function: Callable[..., Any]
    """The callback as it was registered."""
    callback: Callable[..., Any]
    """Calls the function in the colour of the bus."""
    annotation: Any
    """The messages that it hears."""
    plain: bool
    """Whether it takes no dependency."""
    required: tuple[str, ...]
    """The dependencies that it needs by name."""
    optional: tuple[str, ...]
    """The dependencies that it takes by name if there are any."""
    names: frozenset[str] | None
    """The dependencies that a call may pass to it by name; None if it takes any name."""
    on_error: OnError
    """What happens when it fails on an event."""


L = TypeVar("L", bound=Listener)


class Prepare(Protocol[L]):
    """Makes what a bus calls of a listener."""

    def __call__(self, listener: L, /, *, name: str | None) -> L:
        """Return what is called of it; its failures may be isolated under its *name*, if any."""


class Route(NamedTuple, Generic[L]):
    """The listeners of one message type, resolved once and cached.

    Attributes:
        is_command: whether only the first listener that hears the message is called.
        matches: the listeners in calling order.
        callbacks: their callbacks, if all hear every message, without dependency or collection.
        collects: whether errors of some are collected while the others are called.
    """

    is_command: bool
    matches: tuple[Match[L], ...]
    callbacks: tuple[Callable[..., Any], ...] | None
    collects: bool = False

    def function(self, number: int) -> Callable[..., Any] | None:
        """Return the listener of this number as it was registered; None if there is none."""
        return self.matches[number].listener.function if number < len(self.matches) else None


class Alone(NamedTuple):
    """The only listener of a message type, which takes no dependency.

    Attributes:
        callback: calls it in the colour of the bus.
        function: the callback as it was registered.
    """

    callback: Callable[..., Any]
    function: Callable[..., Any]


class Listeners(Generic[L]):
    """Registers listeners and resolves the route of each message type.

    Args:
        prepare: makes what is called of a listener.
        unhandled: the callback of commands that are not published and have no listener.
    """

    def __init__(self, prepare: Prepare[L], unhandled: Callable[..., Any]) -> None:
        self._prepare = prepare
        self._unhandled = unhandled
        self._names: set[str] | None
        self._router: Router[L] = Router(nearest_first=True)
        self._of_every_event: list[L] = []
        self.keeps_whole: bool = False
        self.forget_routes()

    def __iter__(self) -> Iterator[L]:
        """Yield each listener once, in the order of registration."""
        yield from {key_of(each.function): each for _, each in self._router}.values()

    def __contains__(self, callback: Callable[..., Any]) -> bool:
        return key_of(callback) in self._router

    @property
    def targets(self) -> list[Target]:
        """The classes that listeners name, in the order of registration."""
        return [target for target, _ in self._router]

    @property
    def commands(self) -> dict[type, Callable[..., Any]]:
        """The handler of each command."""
        return {
            target.declared: listener.function
            for target, listener in self._router
            if issubclass(target.declared, GenericCommand)
        }

    @property
    def events(self) -> defaultdict[type, list[Callable[..., Any]]]:
        """The listeners of each event, in the order of registration."""
        found: defaultdict[type, list[Callable[..., Any]]] = defaultdict(list)
        for target, listener in self._router:
            if issubclass(target.declared, GenericEvent):
                found[target.declared].append(listener.function)
        return defaultdict(Snapshot, {each: Snapshot(known) for each, known in found.items()})

    def add(self, listener: L, *, of_events: bool = False) -> None:
        """Register a listener for all types that it hears, or for none.

        Args:
            listener: the listener.
            of_events: whether it makes sense for events alone.

        Raises:
            ConfigurationError: a type is neither a command nor an event, a command has a handler
                already, or all are commands, and the listener is *of_events*.
        """
        callback = listener.function
        heard = _message_targets(listener.annotation)
        if of_events and all(issubclass(each.declared, GenericCommand) for each in heard):
            text = f"{describe(callback)} handles a command, whose errors are always raised"
            raise ConfigurationError(text, listener=callback, advice="Omit on_error.")
        for each in heard:
            if issubclass(each.declared, GenericEvent) and is_generator_function(callback):
                text = f"{describe(callback)} is a generator function, whose body would not run"
                advice = "Return instead of yielding: nobody reads the result of the listener."
                raise ConfigurationError(text, listener=callback, advice=advice)
            others = self._router.registered(each)
            if others and issubclass(each.declared, GenericCommand):
                text = f"{each.declared} command has been registered twice"
                raise ConfigurationError(
                    text,
                    message_type=each.declared,
                    listener=callback,
                    advice=f"Its handler is {describe(others[0].function)}.",
                )
            if rivals := issubclass(each.declared, GenericCommand) and self._router.rivals(each):
                other, known = rivals[0]
                text = f"{each} and {other} are equally near to some commands"
                raise ConfigurationError(
                    text,
                    message_type=each.declared,
                    listener=callback,
                    advice=f"A command has one handler; {describe(known.function)} is the other.",
                )
        for each in heard:
            self._router.add(each, listener, key_of(callback))
        self.forget_routes()

    def add_to_every_event(self, listener: L) -> None:
        """Register a listener that hears every event, after the listeners of its type."""
        self._of_every_event.append(listener)
        self.forget_routes()

    def remove(self, msg_type: Any, callback: Callable[..., Any]) -> None:
        """Undo *add*.

        Raises:
            ConfigurationError: the callback was not registered for that type.
        """
        heard = _message_targets(msg_type)
        for each in heard:
            registered = (key_of(known.function) for known in self._router.registered(each))
            if key_of(callback) not in registered:
                kind = "command" if issubclass(each.declared, GenericCommand) else "event"
                text = f"{each.declared} {kind} has not been registered"
                raise ConfigurationError(text, message_type=each.declared, listener=callback)
        for each in heard:
            self._router.remove(each, key_of(callback))
        self.forget_routes()

    def find_route(self, message: object) -> Route[L]:
        """Resolve and cache the route of a message.

        Raises:
            InvalidMessageError: it is neither a command nor an event.
        """
        if not isinstance(message, (GenericCommand, GenericEvent)):
            raise InvalidMessageError(message)
        # Bind both caches before reading the registry, in the reverse of the order they are
        # replaced in. If another thread replaces them meanwhile, this route lands in the
        # discarded ones.
        handlers, alone, routes = self.handlers, self.alone, self.routes
        kind = type(message)
        route = routes[kind] = self.route(kind)
        if route.is_command and not route.matches:
            get_logger().warning("%s command has no handler", kind, extra={"message_type": kind})
            if not message.metadata.published:
                route = routes[kind] = route._replace(callbacks=(self._unhandled,))
        if route.callbacks and len(route.callbacks) == 1 and not self.keeps_whole:
            callback = route.callbacks[0]
            alone[kind] = Alone(callback, route.function(0) or callback)
            if route.is_command:
                handlers[kind] = alone[kind]
        return route

    def route_to(self, message: Message[Any], name: str) -> Route[L]:
        """Resolve the route of a message to one of its listeners, whose failures are raised.

        Raises:
            ConfigurationError: no listener of this name hears it.
        """
        route = self.route(type(message), isolates=False)
        matches = [each for its, each in named(route.matches) if its == name]
        if not matches:
            text = f"No listener {name} hears {type(message).__qualname__}"
            advice = "Register it under the name that it had, or discard the message."
            raise ConfigurationError(text, message_type=type(message), advice=advice)
        return Route(route.is_command, tuple(matches), None)

    def route(self, kind: type, *, isolates: bool = True) -> Route[L]:
        """Resolve the listeners of a message type, the nearest class first."""
        is_command = issubclass(kind, GenericCommand)
        matches = self._router.route(kind)
        if is_command:
            sure = (number for number, each in enumerate(matches, 1) if each.hears is None)
            matches = matches[: next(sure, None)]
        else:
            matches += [Match(each, None) for each in self._of_every_event]
        isolates = isolates and not is_command
        matches = [
            Match(self._prepare(each.listener, name=name if isolates else None), each.hears)
            for name, each in named(matches)
        ]
        collects = not is_command and any(it.listener.on_error == "collect" for it in matches)
        plain = not collects and all(it.hears is None and it.listener.plain for it in matches)
        callbacks = tuple(each.listener.callback for each in matches) if plain else None
        return Route(is_command, tuple(matches), callbacks, collects)

    def refuse_unexpected(self, dependencies: Collection[str]) -> None:
        """Refuse dependencies that no listener asks for.

        Raises:
            UnexpectedDependencyError: there are any.
        """
        names = self._names
        if names is None:
            names = self._names = {name for each in self for name in each.names or ()}
            self._takes_any = any(each.names is None for each in self)
        if not self._takes_any and not names.issuperset(dependencies):
            unexpected = [name for name in dependencies if name not in names]
            raise UnexpectedDependencyError(unexpected, names)

    def keep_whole(self) -> None:
        """Offer no listener *alone* any more: every message needs a route."""
        self.keeps_whole = True
        self.forget_routes()

    def forget_routes(self) -> None:
        """Drop the cached routes; what they are made of has changed."""
        self.routes: dict[type, Route[L]] = {}
        """The routes of the message types that have been handled."""
        self.alone: dict[type, Alone] = {}
        """The only listeners of those that one listener without dependencies hears."""
        self.handlers: dict[type, Alone] = {}
        """Those of commands among these."""
        self._names = None
        self._takes_any = False


def _message_targets(annotation: Any) -> tuple[Target, ...]:
    """Return the classes of commands and events that an annotation names.

    Raises:
        ConfigurationError: it names something else.
    """
    heard = targets(annotation)
    for each in heard:
        if not issubclass(each.origin, (GenericCommand, GenericEvent)):
            text = (
                "Invalid usage of the listen decorator: "
                f"type {each.declared} should be a command or an event"
            )
            raise ConfigurationError(text, message_type=each.declared)
    return heard

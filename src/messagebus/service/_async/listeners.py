"""The listeners of a bus: which of them hears what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..._compat.callables import describe, key_of
from ..._di.overrides import Provider
from ..._routing.targets import Predicate, Target, targets
from ...domain.model import GenericCommand, GenericEvent, Message
from ...exceptions import ConfigurationError
from .listener import AsyncListener


class Route(NamedTuple):
    """Who hears messages of one type, found once and kept."""

    is_command: bool
    listeners: tuple[tuple[AsyncListener, Predicate | None], ...]
    """The listeners, and for each what tells whether it hears a message, if the type does not."""
    callbacks: tuple[Callable[..., Any], ...] | None
    """The callbacks of the listeners, if these take no dependency and hear every message."""


class AsyncListeners:
    """The callbacks that are registered, and the way from a type of message to them.

    Args:
        provider: the overrides of the dependencies that listeners declare.
    """

    def __init__(self, provider: Provider) -> None:
        self.commands: dict[type, Callable[..., Any]] = {}
        self.events: defaultdict[type, list[Callable[..., Any]]] = defaultdict(list)
        self._provider = provider
        self._known: dict[object, AsyncListener] = {}
        self._of_every_event: list[AsyncListener] = []
        self._generics: defaultdict[type, list[Target]] = defaultdict(list)

    def __iter__(self) -> Iterator[AsyncListener]:
        return iter(self._known.values())

    def __contains__(self, callback: Callable[..., Any]) -> bool:
        return key_of(callback) in self._known

    def add(self, msg_type: Any, callback: Callable[..., Any]) -> None:
        """Let a callback hear messages of a type; all types of a union, or none.

        Args:
            msg_type: a class, or a union of some; EMPTY for what the callback says.
            callback: takes the message, the unit of work, and its dependencies.

        Raises:
            ConfigurationError: the type is neither a command nor an event, the command has a
                handler already, or the callback can not be called so.
        """
        listener = AsyncListener(callback, msg_type, self._provider)
        heard = _message_types(listener.annotation)
        for each in heard:
            if each in self.commands:
                text = f"{each} command has been registered twice"
                error = ConfigurationError(text, message_type=each, listener=callback)
                error.add_note(f"Its handler is {describe(self.commands[each])}.")
                raise error
        self._known[key_of(callback)] = listener
        for each, target in heard.items():
            if issubclass(each, GenericCommand):
                self.commands[each] = callback
            else:
                self.events[each].append(callback)
            if target.arguments and target not in self._generics[target.origin]:
                self._generics[target.origin].append(target)

    def add_to_every_event(self, callback: Callable[..., Any]) -> None:
        """Let a callback hear every event, after those that are registered for its type."""
        if not any(callback == each.function for each in self._of_every_event):
            listener = AsyncListener(callback, GenericEvent, self._provider)
            self._of_every_event.append(listener)

    def remove(self, msg_type: Any, callback: Callable[..., Any]) -> None:
        """Undo *add*.

        Raises:
            ConfigurationError: the callback has not been added for that type.
        """
        heard = _message_types(msg_type)
        for each in heard:
            if issubclass(each, GenericCommand):
                if self.commands.get(each) != callback:
                    text = f"{each} command has not been registered"
                    raise ConfigurationError(text, message_type=each, listener=callback)
            elif callback not in self.events.get(each, ()):
                text = f"{each} event has not been registered"
                raise ConfigurationError(text, message_type=each, listener=callback)
        for each in heard:
            if issubclass(each, GenericCommand):
                del self.commands[each]
            else:
                self.events[each].remove(callback)
        if not any(callback == each for each in self._callbacks()):
            del self._known[key_of(callback)]

    def route(self, kind: type) -> Route:
        """Find who hears messages of a type: the nearest class in its MRO first."""
        is_command = issubclass(kind, GenericCommand)
        # A callback that hears a class and a base of it is called once, for the nearer one.
        found: dict[object, Predicate | None] = {}
        callbacks: list[Callable[..., Any]] = []
        for heard, hears in self._heard_classes(kind):
            # Another thread may change the registry meanwhile: each part of it is read in one step.
            if is_command:
                handler = self.commands.get(heard)
                nearest = [] if handler is None else [handler]
            else:
                nearest = [*self.events.get(heard, ())]
            callbacks += [each for each in nearest if key_of(each) not in found]
            for key in map(key_of, nearest):
                found[key] = _either(found.get(key, hears), hears)
            if is_command and callbacks and hears is None:
                break
        listeners = [
            (listener, found[key])
            for key in map(key_of, callbacks)
            if (listener := self._known.get(key)) is not None
        ]
        if not is_command:
            listeners += [(each, None) for each in self._of_every_event]
        plain = all(each.plain and hears is None for each, hears in listeners)
        return Route(
            is_command,
            tuple(listeners),
            tuple(each.callback for each, _ in listeners) if plain else None,
        )

    def _heard_classes(self, kind: type) -> Iterator[tuple[type, Predicate | None]]:
        """Yield the classes whose listeners hear messages of a type, and when they do."""
        for base in kind.__mro__:
            # Created[Book] is nearer to a Created of a book than Created is.
            for target in self._generics.get(base, ()):
                if target.declared not in kind.__mro__:
                    match = target.match(kind)
                    if match:
                        yield target.declared, None if match is True else match
            yield base, None

    def _callbacks(self) -> Iterator[Callable[..., Any]]:
        yield from self.commands.values()
        for callbacks in self.events.values():
            yield from callbacks


def _either(one: Predicate | None, other: Predicate | None) -> Predicate | None:
    """Return what tells whether a message is heard by one or the other; None if always."""
    if one is other or one is None or other is None:
        return one and other
    return lambda message: one(message) or other(message)


def _message_types(annotation: Any) -> dict[type[Message[Any]], Target]:
    """Return the classes of commands and events that an annotation stands for."""
    found: dict[type[Message[Any]], Target] = {}
    for target in targets(annotation):
        if not issubclass(target.origin, (GenericCommand, GenericEvent)):
            text = (
                "Invalid usage of the listen decorator: "
                f"type {target.declared} should be a command or an event"
            )
            raise ConfigurationError(text, message_type=target.declared)
        found[target.declared] = target
    return found

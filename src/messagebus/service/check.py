"""Finds mistakes in the wiring of a bus before the first message is handled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

from .._compat.callables import describe
from .._di.overrides import Provider
from .._di.requirements import requirements_of
from .._introspection.signature import required_parameters
from ..domain.model import GenericCommand, GenericEvent, Message
from ..exceptions import ConfigurationError
from ..serialization.types import by_wire_type
from ..serialization.wire import wire_type
from .listeners import Listeners
from .message_types import can_be_made, subclasses
from .promises import find_broken_promises

_RESERVED = ("message", "uow")
_OPTION = "{} is an option of the bus. Give a dependency another name, or pass it to handle."


def check_options(max_depth: object, provider: object, dependencies: Mapping[str, Any]) -> None:
    """Check what a bus is created with.

    Raises:
        ConfigurationError: an option has the wrong type, or a dependency cannot be created.
    """
    if type(max_depth) is not int or max_depth < 1:
        text = f"max_depth must be a number of messages greater than zero, not {max_depth!r}"
        raise ConfigurationError(text, advice=_OPTION.format("max_depth"))
    if not isinstance(provider, (Provider, NoneType)):
        text = f"The provider of a bus must be a Provider, not {provider!r}"
        raise ConfigurationError(text, advice=_OPTION.format("provider"))
    for name, factory in dependencies.items():
        if name in _RESERVED:
            text = f"A dependency cannot be named {name!r}: handle has a parameter of that name"
            raise ConfigurationError(text)
        if not callable(factory):
            text = f"The dependency {name!r} is not callable: {factory!r}"
            advice = (
                "The bus creates one for each handle call: pass it a class or a factory, or "
                "pass the object itself to handle."
            )
            raise ConfigurationError(text, advice=advice)
        if needed := required_parameters(factory):
            text = f"The factory {describe(factory)} of {name!r} needs {', '.join(needed)}"
            advice = "The bus calls it without arguments: give the parameters defaults."
            raise ConfigurationError(text, advice=advice)
        for declared in requirements_of(factory, argument_count=None):
            text = f"The factory {describe(factory)} of {name!r} declares {declared.name!r}"
            text += ", which the bus does not fill"
            advice = "Declare a dependency with Depends in the listener instead of naming it."
            raise ConfigurationError(text, advice=advice)


def find_problems(
    listeners: Listeners[Any],
    dependencies: Collection[str],
    parts: Collection[str | type],
    given: Iterable[str],
) -> list[str]:
    """Return a sentence for each mistake.

    Args:
        listeners: the listeners of the bus.
        dependencies: the names of the dependencies of the bus.
        parts: the part of the application to check: packages that define messages, or messages
            themselves; by default the packages that define a message with a listener.
        given: the names of the dependencies that come with the calls of *handle*, or that only
            another part asks for.

    Raises:
        ConfigurationError: a part is neither a name nor a message.
    """
    known = (*listeners.commands, *listeners.events)
    if not parts:
        parts = {each.__module__.partition(".")[0] for each in known}
    defined = [*_messages_in(parts)]
    problems = [
        f"{command} command has no handler"
        for command in defined
        if issubclass(command, GenericCommand) and not listeners.route(command).matches
    ]
    problems += _find_namesakes((*defined, *filter(can_be_made, known)))
    problems += find_broken_promises(listeners, defined)
    given = {*given}
    provided = {*dependencies, *given}
    asked: set[str] = set()
    for listener in listeners:
        asked.update(listener.required, listener.optional)
        problems += [
            f"{describe(listener.function)} asks for the dependency {name!r}, which is unknown"
            for name in listener.required
            if name not in provided
        ]
    problems += [
        f"the dependency {name!r} is asked for by no listener"
        for name in dependencies
        if name not in asked and name not in given
    ]
    return problems


def find_barren_scans(
    scans: Mapping[str, Sequence[Callable[..., Any]]], decorator: Callable[..., Any]
) -> list[str]:
    """Return a sentence for each scanned name below which no listener of a bus was found.

    Args:
        scans: the decorators of all listeners that were found, by the scanned name.
        decorator: the decorator that marks those of the bus.
    """
    problems = []
    for name, found in scans.items():
        if decorator in found:
            continue
        text = f"scan({name!r}) found no listener that is marked with {decorator.__name__}"
        if found:
            text += f", but {len(found)} of {found[0].__name__}"
        problems.append(text)
    return problems


def refuse_problems(problems: Sequence[str]) -> None:
    """Report all mistakes at once.

    Raises:
        ConfigurationError: there are any.
    """
    if problems:
        text = "The bus is not wired: " + "; ".join(problems)
        raise ConfigurationError(text, problems=problems)


def _find_namesakes(messages: Iterable[type[Message[Any]]]) -> Iterator[str]:
    """Yield a sentence for each message type whose name and version another one has."""
    for key, kinds in by_wire_type(messages).items():
        first, *others = kinds
        yield from (f"{first} and {other} are both {wire_type(*key)}" for other in others)


def _messages_in(parts: Collection[str | type]) -> Iterator[type[Message[Any]]]:
    """Find the commands and events of a part of the application.

    Args:
        parts: absolute names of packages or modules, those below them included; or messages,
            their subclasses included.

    Yields:
        Each message that can be made.

    Raises:
        ConfigurationError: a part is neither a name nor a message.
    """
    for part in parts:
        if not isinstance(part, str) and not (isinstance(part, type) and issubclass(part, Message)):
            text = f"{part!r} is no part of an application that can be checked"
            advice = "Pass the name of a package or module, or the class of a command."
            raise ConfigurationError(text, advice=advice)
    names = [each for each in parts if isinstance(each, str)]
    bases = tuple(each for each in parts if not isinstance(each, str))
    known: set[type] = set()
    for kind in (*subclasses(GenericCommand, known), *subclasses(GenericEvent, known)):
        named = any(f"{kind.__module__}.".startswith(f"{name}.") for name in names)
        if (named or issubclass(kind, bases)) and can_be_made(kind):
            yield kind

"""Reads the description of a bus."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .._compat.callables import describe as name_of
from .._compat.callables import key_of
from .._di.depends import Requirement
from .._di.overrides import Overridable, Provider
from .._di.requirements import read_requirements, requirements_of
from .._introspection.signature import POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, parameters
from .._routing.targets import Target, targets
from ..domain.model import GenericCommand, GenericEvent
from ..exceptions import ConfigurationError
from ..facade._async.consumer import Consumer as AsyncConsumer
from ..facade._sync.consumer import Consumer as SyncConsumer
from ..serialization.types import declared_metadata
from ..service._async.registry import AsyncMessageBus
from ..service._sync.registry import SyncMessageBus
from ..service.message_types import can_be_made, subclasses
from .model import DescribedDependency, DescribedListener, DescribedMessage, Description, Source
from .raising import CodeReader, MessageType

AnyBus = AsyncMessageBus[Any] | SyncMessageBus[Any]

_POSITIONAL = (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)


class _Heard(NamedTuple):
    """A listener or a handler, with all that it names.

    Attributes:
        function: the function.
        targets: the classes that it hears.
        consumer: the consumer that it belongs to; None for a listener of the bus.
        required: the dependencies that it needs by name.
        optional: the dependencies that it takes by name if there are any.
    """

    function: Callable[..., Any]
    targets: list[Target]
    consumer: Any
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def key(self) -> object:
        """Identifies it: a function may belong to several consumers."""
        owner = None if self.consumer is None else id(self.consumer)
        return owner, key_of(self.function)

    @property
    def classes(self) -> list[type]:
        """The classes that it names."""
        return [target.declared for target in self.targets]


def describe(bus: AnyBus) -> Description:
    """Describe what a bus handles. Call it when all listeners are registered.

    The messages are those that listeners hear, with their subclasses, those that listeners may
    raise, and all others of the modules that define one of these.

    What a listener raises is not declared anywhere, so its code is read, without running it: a
    message counts if the listener names its class, or calls a function or a method that does. The
    class of a local variable is unknown, so a call of ``order.cancel()`` is followed to the method
    `cancel` of every model, repository and unit of work that the module of the listener imports,
    directly or by way of others. That finds too much where several have methods of one name, and
    too little where a message is made by way of something that has no name in the code.

    Args:
        bus: a bus of either colour.
    """
    return describe_with_classes(bus)[0]


def describe_with_classes(bus: AnyBus) -> tuple[Description, dict[str, MessageType]]:
    """Describe what a bus handles; see *describe*.

    Args:
        bus: a bus of either colour.

    Returns:
        The description, and the class of each message by its path.
    """
    heard = _heard_by(bus)
    names = _unique([_path(each.function) for each in heard])
    known = [*dict.fromkeys(kind for each in heard for kind in _kinds_of(each))]
    reader = CodeReader([*known, *(each.function for each in heard)])
    raised = [[*reader.raised_by(each.function, each.classes)] for each in heard]
    known = _with_neighbours([*known, *(kind for kinds in raised for kind in kinds)])
    paths = dict(zip(known, _unique(map(_path, known)), strict=True))
    messages = [
        _message(kind, path, _hearing(kind, bus, heard, names)) for kind, path in paths.items()
    ]
    listeners = [
        DescribedListener(
            name,
            [*dict.fromkeys(map(str, each.targets))],
            None if each.consumer is None else _path(type(each.consumer)),
            _dependencies(each, bus),
            sorted(paths[kind] for kind in kinds),
        )
        for each, name, kinds in zip(heard, names, raised, strict=True)
    ]
    messages.sort(key=lambda each: (each.kind, each.path))
    return Description(messages, listeners), {path: kind for kind, path in paths.items()}


def _heard_by(bus: AnyBus) -> list[_Heard]:
    """Return the listeners of a bus, then the handlers of the consumers that it includes."""
    # What a bus and a consumer have registered is otherwise read by themselves alone.
    of_bus: dict[object, list[Target]] = defaultdict(list)
    for kind, function in bus.commands_registry.items():
        of_bus[key_of(function)] += targets(kind)
    for kind, functions in bus.events_registry.items():
        for function in functions:
            of_bus[key_of(function)] += targets(kind)
    heard = [
        _Heard(each.function, of_bus[key_of(each.function)], None, each.required, each.optional)
        for each in bus._listeners
    ]
    for consumer in bus._included:
        if isinstance(consumer, AsyncConsumer | SyncConsumer):
            found: dict[object, _Heard] = {}
            for target, handler in consumer._router:
                new = _Heard(handler.function, [], consumer)
                found.setdefault(new.key, new).targets.append(target)
            heard += found.values()
        else:  # any object that consumes events
            heard.append(_Heard(consumer.consume, [], consumer))
    return heard


def _kinds_of(heard: _Heard) -> Iterator[MessageType]:
    """Yield the messages that a listener may hear: of its classes and their subclasses."""
    for target in heard.targets:
        if issubclass(target.origin, (GenericCommand, GenericEvent)):
            for kind in (target.declared, *subclasses(target.origin, set())):
                is_heard = kind is target.declared or target.match(kind) is not False
                if can_be_made(kind) and is_heard:
                    yield kind


def _with_neighbours(known: Iterable[MessageType]) -> list[MessageType]:
    """Return messages, and the others of the modules that define them."""
    # A module that was reloaded has left classes behind under the same names.
    found = {**dict.fromkeys(known)}
    paths = {_path(kind) for kind in found}
    modules = {kind.__module__ for kind in found}
    seen: set[type] = set()
    for kind in (*subclasses(GenericCommand, seen), *subclasses(GenericEvent, seen)):
        if kind.__module__ in modules and can_be_made(kind) and _path(kind) not in paths:
            found[kind] = None
            paths.add(_path(kind))
    return [*found]


def _hearing(
    kind: MessageType, bus: AnyBus, heard: Sequence[_Heard], names: Sequence[str]
) -> list[str]:
    """Return the names of those who hear a message, in the order of their calls."""
    by_key = {each.key: name for each, name in zip(heard, names, strict=True)}
    keys: list[object] = [
        (None, key_of(match.listener.function)) for match in bus._listeners.route(kind).matches
    ]
    if issubclass(kind, GenericEvent):
        for consumer in bus._included:
            if isinstance(consumer, AsyncConsumer | SyncConsumer):
                handlers = (match.listener for match in consumer._router.route(kind))
                keys += [(id(consumer), key_of(handler.function)) for handler in handlers]
            else:
                keys.append((id(consumer), key_of(consumer.consume)))
    # The function that passes events to a consumer is none of them.
    return [by_key[key] for key in keys if key in by_key]


def _message(kind: MessageType, path: str, listeners: Sequence[str]) -> DescribedMessage:
    """Describe a message."""
    metadata = declared_metadata(kind)
    doc = (vars(kind).get("__doc__") or "").strip()
    return DescribedMessage(
        path,
        "command" if issubclass(kind, GenericCommand) else "event",
        None if metadata is None else metadata.name,
        None if metadata is None else metadata.schema_version,
        metadata is not None and metadata.published,
        listeners,
        doc.partition("\n")[0] or None,
    )


def _dependencies(heard: _Heard, bus: AnyBus) -> list[DescribedDependency] | None:
    """Describe the dependencies of a listener; None if its annotations cannot be read."""
    named = [(name, True) for name in heard.required] + [(name, False) for name in heard.optional]
    found = []
    for name, is_required in named:
        factory = bus.dependencies.get(name)
        source: Source = "call" if factory is None else "bus"
        made_by = None if factory is None else _path(factory)
        found.append(DescribedDependency(name, source, made_by, None, is_required))
    is_handler = heard.consumer is not None
    try:
        declared = parameters(heard.function)
        passed = sum(each.kind in _POSITIONAL for each in declared[: 1 if is_handler else 2])
        needs = requirements_of(heard.function, None, None, passed=passed, declared=declared)
        provider = (
            heard.consumer.provider if isinstance(heard.consumer, Overridable) else bus.provider
        )
        return [*found, *_declared(needs, provider)]
    except ConfigurationError:  # it was registered where the names in its annotations are known
        return None


def _declared(
    requirements: Iterable[Requirement], provider: Provider
) -> Iterator[DescribedDependency]:
    """Describe the dependencies that are declared with Depends, and theirs in turn."""
    for requirement in requirements:
        if (declared := requirement.dependency) is None:
            continue  # filled by the message or the unit of work
        actual = provider.current.get(key_of(declared.dependency), declared)
        read_requirements(actual)
        replaced = None if actual is declared else _path(declared.dependency)
        inner = [*_declared(actual.requirements or (), provider)]
        made_by = _path(actual.dependency)
        yield DescribedDependency(requirement.name, "depends", made_by, replaced, True, inner)


def _path(thing: Any) -> str:
    """Return the module and the name of a class or a callable; an object has those of its class."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    return name_of(thing if hasattr(thing, "__qualname__") else type(thing))


def _unique(names: Iterable[str]) -> list[str]:
    """Return names, with a number after each that was there before."""
    counts: Counter[str] = Counter()
    found = []
    for name in names:
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return found

"""A registered listener: its dependencies and its call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..._compat.aio import Eventually, adapt
from ..._compat.callables import SETTLED, describe, is_generator_function
from ..._di._async.scope import AsyncHandleScope
from ..._di.overrides import Provider
from ..._di.requirements import requirements_of
from ..._introspection.generics import split, unwrap
from ..._introspection.signature import (
    EMPTY,
    POSITIONAL_ONLY,
    POSITIONAL_OR_KEYWORD,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    Parameter,
    parameters,
)
from ...domain.model import Message
from ...exceptions import ConfigurationError, MissingDependencyError
from ..on_error import OnError
from .dependency import AsyncDependency
from .unit_of_work import AsyncAbstractUnitOfWork, AsyncUnitOfWorkTransaction

if TYPE_CHECKING:
    from ..._di._async.injection import AsyncInjection

_POSITIONAL = (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)


class AsyncEventConsumer(Protocol):
    """A consumer that a bus can include: that of the facade, or any object like it."""

    def consume(self, event: Any, /) -> Eventually[None]:
        """Pass an event to all handlers that hear it."""


class AsyncDependencies:
    """The dependencies of one *handle* call, each created when it is first asked for.

    Args:
        factories: create the named dependencies of the bus.
        given: the dependencies that came with the call; they take precedence.
        transaction: notifies the named dependencies of its end.
    """

    __slots__ = ("_factories", "_made", "_transaction", "given", "opened")

    def __init__(
        self,
        factories: Mapping[str, Callable[[], Any]],
        given: dict[str, Any],
        transaction: AsyncUnitOfWorkTransaction[Any],
    ) -> None:
        self._factories = factories
        self._made = given
        self.given = frozenset(given)
        self._transaction = transaction
        self.opened: AsyncHandleScope | None = None
        """The scope; None if nothing has needed it."""
        for dependency in given.values():
            if isinstance(dependency, AsyncDependency):
                transaction.add_dependency(dependency)

    def __contains__(self, name: str) -> bool:
        return name in self._made or name in self._factories

    @property
    def scope(self) -> AsyncHandleScope:
        """The scope that keeps the dependencies which live as long as the call."""
        if self.opened is None:
            self.opened = AsyncHandleScope()
        return self.opened

    async def get(self, name: str) -> Any:
        """Return a dependency; create it if this is the first time that it is asked for."""
        if name not in self._made:
            factory = self._factories[name]
            dependency = factory()
            if not isinstance(factory, type) and type(dependency) not in SETTLED:
                opens = is_generator_function(factory, decorated=True)
                dependency = await self.scope.keep(None, dependency, opens)
            self._made[name] = dependency
            if isinstance(dependency, AsyncDependency):
                self._transaction.add_dependency(dependency)
        return self._made[name]


class AsyncListener:
    """A callback, and the facts about it that are read at registration.

    Args:
        callback: takes the message, the unit of work, and dependencies: those declared with
            *Depends*, and others by name.
        annotation: the messages that it hears; EMPTY to read the annotation of its first
            parameter.
        provider: the overrides of declared dependencies.
        localns: local names of the caller, for annotations that mention them.
        on_error: what happens when it fails on an event.

    Raises:
        ConfigurationError: the callback does not take a message and a unit of work.
    """

    __slots__ = (
        "_declared",
        "_injection",
        "annotation",
        "callback",
        "function",
        "names",
        "on_error",
        "optional",
        "plain",
        "required",
    )

    def __init__(
        self,
        callback: Callable[..., Any],
        annotation: Any,
        provider: Provider,
        localns: Mapping[str, Any] | None = None,
        on_error: OnError = "raise",
    ) -> None:
        self.function = callback
        self.on_error = on_error
        """What happens when it fails on an event."""
        self.callback = adapt(callback)
        """Calls the function in this colour."""
        declared = parameters(callback, localns)
        self.annotation = heard_by(callback, declared) if annotation is EMPTY else annotation
        """The messages that it hears."""
        positional = [each for each in declared if each.kind in _POSITIONAL]
        if len(positional) < 2 and not any(each.kind is VAR_POSITIONAL for each in declared):
            text = f"{describe(callback)} cannot listen: it takes no message and unit of work"
            raise ConfigurationError(text, listener=callback)
        taken = positional[:2]
        others = [each for each in declared if each not in taken and not each.variadic]
        needs = requirements_of(callback, localns, None, passed=len(taken), declared=declared)
        injected = {need.name for need in needs}
        named = [each for each in others if each.name not in injected]
        for each in named:
            if each.kind is POSITIONAL_ONLY:
                text = f"{describe(callback)} cannot listen: {each.name!r} must accept a keyword"
                raise ConfigurationError(text, listener=callback)
        self.required = tuple(each.name for each in named if each.default is EMPTY)
        self.optional = tuple(each.name for each in named if each.default is not EMPTY)
        self._declared = injected
        takes_any = any(each.kind is VAR_KEYWORD for each in declared)
        self.names = None if takes_any else frozenset((*self.required, *self.optional, *injected))
        """The dependencies that a call may pass to it by name; None if it takes any name."""
        self._injection: AsyncInjection | None = None
        if injected:
            # Imported here because only programs that declare dependencies need it.
            from ..._di._async.injection import AsyncInjection
            from ..._di.graph import ContextValue, matcher_for

            context: tuple[ContextValue, ...] = ()
            if len(positional) > 1:
                context = (
                    ContextValue(positional[0].name, matcher_for(self.annotation)),
                    ContextValue(positional[1].name, _asks_for_unit_of_work, "handle"),
                )
            self._injection = AsyncInjection(
                callback, provider, context, localns=localns, in_handle=True
            )
        self.plain = not named and not injected and not takes_any
        """Whether it takes no dependency; the bus then calls the callback directly."""

    def take_after(self, listener: AsyncListener) -> None:
        """Take over what is known of another listener, whose calls this one wraps."""
        self.function, self.callback = listener.function, listener.callback
        self.annotation, self.on_error = listener.annotation, listener.on_error
        self.required, self.optional = listener.required, listener.optional
        self.names, self.plain = listener.names, listener.plain

    async def call(
        self,
        message: Message[Any],
        transaction: AsyncUnitOfWorkTransaction[Any],
        dependencies: AsyncDependencies,
    ) -> Any:
        """Call the callback with its dependencies.

        Raises:
            MissingDependencyError: neither the bus nor the call provides one that it requires.
        """
        arguments = {}
        for name in self.required:
            if name not in dependencies:
                raise MissingDependencyError(name, self.function)
            arguments[name] = await dependencies.get(name)
        for name in self.optional:
            if name in dependencies:
                arguments[name] = await dependencies.get(name)
        if self.names is None:
            for name in dependencies.given - self._declared - arguments.keys():
                arguments[name] = await dependencies.get(name)
        if self._injection is None:
            return await self.callback(message, transaction, **arguments)
        for name in self._declared & dependencies.given:
            arguments[name] = await dependencies.get(name)
        return await self._injection.call((message, transaction), arguments, dependencies.scope)


def heard_by(callback: Callable[..., Any], declared: tuple[Parameter, ...]) -> Any:
    """Return the annotation of the first parameter of a callback: the messages that it hears.

    Raises:
        ConfigurationError: there is no such annotation.
    """
    annotation = declared[0].annotation if declared else EMPTY
    if annotation is EMPTY:
        text = (
            f"{describe(callback)} cannot listen: "
            "its first parameter has no annotation that names the messages"
        )
        raise ConfigurationError(text, listener=callback)
    return annotation


def _asks_for_unit_of_work(annotation: Any) -> bool:
    origin, _ = split(unwrap(annotation))
    return isinstance(origin, type) and issubclass(
        origin, (AsyncAbstractUnitOfWork, AsyncUnitOfWorkTransaction)
    )

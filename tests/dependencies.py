"""Dependencies of every kind, which log what happens to them and fail when told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from messagebus import Depends

Log = list[str]


class SetUpError(Exception):
    """A dependency fails before it gives anything."""


class HandlerError(Exception):
    """A handler fails."""


class CleanUpError(Exception):
    """A dependency fails when it is closed."""


class StopProgram(BaseException):
    """Ends everything, as an interrupt does."""


@dataclass
class Probe:
    """The behaviour of a dependency: it logs, and fails when told to."""

    level: int
    log: Log
    set_up: BaseException | None = None
    clean_up: BaseException | None = None

    def open(self) -> None:
        """Log the set-up, or fail."""
        if self.set_up is not None:
            self.log.append(f"fail to open {self.level}")
            raise self.set_up
        self.log.append(f"open {self.level}")

    def close(self, seen: BaseException | None = None) -> None:
        """Log the clean-up and the error seen there, or fail."""
        suffix = "" if seen is None else f" after {type(seen).__name__}"
        self.log.append(f"close {self.level}{suffix}")
        if self.clean_up is not None:
            raise self.clean_up


ENDS_OF_GENERATORS = [StopIteration(1), StopAsyncIteration(1), GeneratorExit()]
"""Errors that have a special meaning for generators."""

Maker = Callable[[Probe, Any], Any]
"""Creates a dependency with the behaviour of a probe, which may need another dependency."""


def a_function(probe: Probe, below: Any) -> Any:
    """Return a plain function."""

    def dependency(value: str = below) -> str:
        probe.open()
        return f"{probe.level}{value}"

    return dependency


def a_class(probe: Probe, below: Any) -> Any:
    """Return a class."""

    class Dependency(str):
        __slots__ = ()

        def __new__(cls, value: str = below) -> str:  # type: ignore[misc]
            probe.open()
            return f"{probe.level}{value}"

    return Dependency


def a_callable(probe: Probe, below: Any) -> Any:
    """Return a callable object that is not hashable."""

    @dataclass
    class Dependency:
        probes: list[Probe] = field(default_factory=list)

        def __call__(self, value: str = below) -> str:
            probe.open()
            return f"{probe.level}{value}"

    return Dependency([probe])


def a_generator(probe: Probe, below: Any) -> Any:
    """Return a generator function."""

    def dependency(value: str = below) -> Iterator[str]:
        probe.open()
        try:
            yield f"{probe.level}{value}"
        except BaseException as seen:
            probe.close(seen)
            raise
        probe.close()

    return dependency


def a_coroutine(probe: Probe, below: Any) -> Any:
    """Return a coroutine function."""

    async def dependency(value: str = below) -> str:
        await asyncio.sleep(0)
        probe.open()
        return f"{probe.level}{value}"

    return dependency


def an_async_generator(probe: Probe, below: Any) -> Any:
    """Return an async generator function."""

    async def dependency(value: str = below) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        probe.open()
        try:
            yield f"{probe.level}{value}"
        except BaseException as seen:
            await asyncio.sleep(0)
            probe.close(seen)
            raise
        await asyncio.sleep(0)
        probe.close()

    return dependency


MAKERS: list[Maker] = [
    a_function,
    a_class,
    a_callable,
    a_generator,
    a_coroutine,
    an_async_generator,
]
CLOSING: list[Maker] = [a_generator, an_async_generator]


def placeholder(probe: Probe, below: Any) -> Any:
    """Return a dependency that must be overridden."""

    def dependency() -> str:
        raise NotImplementedError

    return dependency


@dataclass
class Chain:
    """A chain of dependencies: the first needs none, and a handler needs the last.

    Attributes:
        declared: the declared dependencies, the deepest first.
        implementations: the callables that replace them.
        probes: their behaviour.
        log: the log of their set-ups and clean-ups.
    """

    declared: list[Any] = field(default_factory=list)
    implementations: list[Any] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    log: Log = field(default_factory=list)

    @property
    def last(self) -> Any:
        """The dependency that the handler needs."""
        return self.declared[-1]

    def override(self, component: Any) -> None:
        """Override each declared dependency that differs from its implementation."""
        for declared, implementation in zip(self.declared, self.implementations, strict=True):
            if declared is not implementation:
                component.override(declared, implementation)


def chain(maker: Maker, depth: int, *, overridden: bool = False) -> Chain:
    """Return a chain of dependencies of one kind."""
    made = Chain()
    for level in range(1, depth + 1):
        probe = Probe(level, made.log)
        below = Depends(made.last) if made.declared else ""
        implementation = maker(probe, below)
        made.probes.append(probe)
        made.implementations.append(implementation)
        made.declared.append(placeholder(probe, below) if overridden else implementation)
    return made

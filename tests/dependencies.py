"""Dependencies of every kind, which say what happens to them, and fail where they are told to."""

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
    """What a dependency does: it logs, and fails if it is told to."""

    level: int
    log: Log
    set_up: BaseException | None = None
    clean_up: BaseException | None = None

    def open(self) -> None:
        """Log the set-up, or fail in it."""
        if self.set_up is not None:
            self.log.append(f"fail to open {self.level}")
            raise self.set_up
        self.log.append(f"open {self.level}")

    def close(self, seen: BaseException | None = None) -> None:
        """Log the clean-up and what was seen there; fail in it."""
        suffix = "" if seen is None else f" after {type(seen).__name__}"
        self.log.append(f"close {self.level}{suffix}")
        if self.clean_up is not None:
            raise self.clean_up


ENDS_OF_GENERATORS = [StopIteration(1), StopAsyncIteration(1), GeneratorExit()]
"""Errors with a meaning of their own to generators."""

Maker = Callable[[Probe, Any], Any]
"""Makes a dependency that does what a probe says and needs another dependency, if there is one."""


def a_function(probe: Probe, below: Any) -> Any:
    """Make a plain function."""

    def dependency(value: str = below) -> str:
        probe.open()
        return f"{probe.level}{value}"

    return dependency


def a_class(probe: Probe, below: Any) -> Any:
    """Make a class."""

    class Dependency(str):
        __slots__ = ()

        def __new__(cls, value: str = below) -> str:  # type: ignore[misc]
            probe.open()
            return f"{probe.level}{value}"

    return Dependency


def a_callable(probe: Probe, below: Any) -> Any:
    """Make an object that can be called, and can not be hashed."""

    @dataclass
    class Dependency:
        probes: list[Probe] = field(default_factory=list)

        def __call__(self, value: str = below) -> str:
            probe.open()
            return f"{probe.level}{value}"

    return Dependency([probe])


def a_generator(probe: Probe, below: Any) -> Any:
    """Make a generator function."""

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
    """Make a coroutine function."""

    async def dependency(value: str = below) -> str:
        await asyncio.sleep(0)
        probe.open()
        return f"{probe.level}{value}"

    return dependency


def an_async_generator(probe: Probe, below: Any) -> Any:
    """Make an asynchronous generator function."""

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
    """Make a dependency that has to be overridden."""

    def dependency() -> str:
        raise NotImplementedError

    return dependency


@dataclass
class Chain:
    """Dependencies that need each other: the first needs none, the last is for a handler.

    Attributes:
        declared: what the handler and the dependencies depend on, the deepest first.
        implementations: what is called instead.
        probes: what they do.
        log: what they did.
    """

    declared: list[Any] = field(default_factory=list)
    implementations: list[Any] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    log: Log = field(default_factory=list)

    @property
    def last(self) -> Any:
        """What the handler depends on."""
        return self.declared[-1]

    def override(self, component: Any) -> None:
        """Replace what is declared where it is not what is called."""
        for declared, implementation in zip(self.declared, self.implementations, strict=True):
            if declared is not implementation:
                component.override(declared, implementation)


def chain(maker: Maker, depth: int, *, overridden: bool = False) -> Chain:
    """Make a chain of dependencies of one kind."""
    made = Chain()
    for level in range(1, depth + 1):
        probe = Probe(level, made.log)
        below = Depends(made.last) if made.declared else ""
        implementation = maker(probe, below)
        made.probes.append(probe)
        made.implementations.append(implementation)
        made.declared.append(placeholder(probe, below) if overridden else implementation)
    return made

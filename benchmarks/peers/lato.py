"""Applications of lato."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..contender import Loop


class _World(NamedTuple):
    """An application with the handlers of all the workloads, and its messages."""

    application: Any
    command: Any
    cascade: Any


def _world(count: int, waiting: bool) -> _World:
    """Create the application; lato finds handlers and their dependencies by annotations."""
    import lato

    class Register(lato.Command):
        title: str

    class Cascade(lato.Command):
        title: str

    class Registered(lato.Event):
        title: str

    raised = [Registered(title="A title") for _ in range(count)]
    application = lato.Application("library")
    if waiting:

        async def handle(command: Any) -> None:
            """Do nothing with the message."""

        async def cascade(command: Any, ctx: Any) -> None:
            for each in raised:
                await ctx.publish_async(each)

        listeners = [_listener_async() for _ in range(3)]
    else:

        def handle(command: Any) -> None:  # type: ignore[misc]
            """Do nothing with the message."""

        def cascade(command: Any, ctx: Any) -> None:  # type: ignore[misc]
            for each in raised:
                ctx.publish(each)

        listeners = [_listener() for _ in range(3)]
    cascade.__annotations__["ctx"] = lato.TransactionContext
    for name in ("command", "ctx"):
        handle.__annotations__.pop(name, None)
    application.handler(Register)(handle)
    application.handler(Cascade)(cascade)
    for listener in listeners:
        application.handler(Registered)(listener)
    return _World(application, Register, Cascade)


def _listener_async() -> Any:
    async def hear(event: Any) -> None:
        """Hear the event."""

    return hear


def _listener() -> Any:
    def hear(event: Any) -> None:
        """Hear the event."""

    return hear


def executed_async() -> Loop:
    """Execute a ready-made command."""
    world = _world(0, waiting=True)
    command = world.command(title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await world.application.execute_async(command)

    return run


def executed() -> Loop:
    """Execute a ready-made command."""
    world = _world(0, waiting=False)
    command = world.command(title="A title")

    def run(times: Iterable[None]) -> None:
        for _ in times:
            world.application.execute(command)

    return run


def built_and_executed_async() -> Loop:
    """Build a command, and execute it."""
    world = _world(0, waiting=True)

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await world.application.execute_async(world.command(title="A title"))

    return run


def built_and_executed() -> Loop:
    """Build a command, and execute it."""
    world = _world(0, waiting=False)

    def run(times: Iterable[None]) -> None:
        for _ in times:
            world.application.execute(world.command(title="A title"))

    return run


def cascaded_async(count: int) -> Loop:
    """Execute a command that publishes events."""
    world = _world(count, waiting=True)
    command = world.cascade(title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await world.application.execute_async(command)

    return run


def cascaded(count: int) -> Loop:
    """Execute a command that publishes events."""
    world = _world(count, waiting=False)
    command = world.cascade(title="A title")

    def run(times: Iterable[None]) -> None:
        for _ in times:
            world.application.execute(command)

    return run

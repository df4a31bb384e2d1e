"""The hot paths that the guard counts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from types import ModuleType

from messagebus.service.eventstream import MessageSerializer

from .._async import cascade as waiting_cascade
from .._async import dependencies as waiting_dependencies
from .._async import dispatch as waiting_dispatch
from .._async import memory as waiting_transaction
from .._sync import cascade as plain_cascade
from .._sync import dependencies as plain_dependencies
from .._sync import dispatch as plain_dispatch
from .._sync import memory as plain_transaction
from ..contender import Loop
from ..messages import Registered
from .counting import Path, Prepared


def _repeated(loop: Loop) -> Path:
    return lambda times: lambda: loop(repeat(None, times))


def _events(cascade: Callable[[int], Loop]) -> Path:
    """Return a path on which each operation is one event of a cascade."""

    def path(times: int) -> Prepared:
        loop = cascade(times)
        return lambda: loop([None])

    return path


def _transactions(colour: ModuleType, ending: str) -> Path:
    """Return commands that each raise an event, with a publishing eventstore."""
    work = colour.handling(ending, colour.library(True))
    return lambda times: lambda: work(times)


def _serialized(event: Registered) -> Path:
    serialize = MessageSerializer().serialize_message

    def path(times: int) -> Prepared:
        def run() -> None:
            for _ in range(times):
                serialize(event)

        return run

    return path


def _of(
    colour: str,
    dispatch: ModuleType,
    cascade: ModuleType,
    dependencies: ModuleType,
    transaction: ModuleType,
) -> dict[str, Path]:
    return {
        f"dispatch, {colour}": _repeated(dispatch.through_the_bus()),
        f"an event of a cascade, {colour}": _events(cascade.through_the_bus),
        f"an event with 40 attributes, {colour}": _events(cascade.through_a_crowd),
        f"dependencies of a function, {colour}": _repeated(dependencies.injected()),
        f"dependencies of a service, {colour}": _repeated(dependencies.through_a_service()),
        f"dependencies of a consumer, {colour}": _repeated(dependencies.through_a_consumer()),
        f"a command built, an event published, {colour}": _transactions(transaction, "commit"),
        f"a command built, all rolled back, {colour}": _transactions(transaction, "rollback"),
    }


def paths() -> dict[str, Path]:
    """Prepare the hot paths; return them by name."""
    return {
        "building a command": _repeated(plain_dispatch.only_built()),
        "serialization": _serialized(Registered(id="1", title="A title")),
        **_of(
            "async", waiting_dispatch, waiting_cascade, waiting_dependencies, waiting_transaction
        ),
        **_of("sync", plain_dispatch, plain_cascade, plain_dependencies, plain_transaction),
    }

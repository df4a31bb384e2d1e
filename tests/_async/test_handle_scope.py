"""Dependencies with the scope of the handle: sharing and closing."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus import AsyncMessageBus, Depends
from tests._async.fakes import AsyncLibrary
from tests.dependencies import (
    CLOSING,
    MAKERS,
    CleanUpError,
    HandlerError,
    Log,
    Maker,
    StopProgram,
    chain,
)
from tests.library import ShelfCounted


async def handle(bus: AsyncMessageBus[Any]) -> None:
    """Handle an event in a transaction of its own."""
    async with AsyncLibrary() as transaction:
        await bus.handle(ShelfCounted(), transaction)
        await transaction.commit()


def listening(bus: AsyncMessageBus[Any], log: Log, name: str, declared: Any) -> None:
    """Register a listener that logs its name and its dependency."""

    async def listen(event: ShelfCounted, uow: AsyncLibrary, value: str = declared) -> None:
        log.append(f"{name} {value}")

    bus.add_listener(ShelfCounted, listen)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("maker", MAKERS)
async def test_listeners_share_a_dependency_of_the_handle(
    bus: AsyncMessageBus[Any], maker: Maker, depth: int
) -> None:
    """It is opened for the first listener that needs it, and closed after the last listener."""
    dependencies = chain(maker, depth)
    for name in ("first", "second"):
        listening(bus, dependencies.log, name, Depends(dependencies.last, scope="handle"))

    await handle(bus)

    value = "".join(str(level) for level in range(depth, 0, -1))
    opened = [f"open {level}" for level in range(1, depth + 1)]
    closed = [f"close {level}" for level in range(depth, 0, -1)]
    used = [f"first {value}", f"second {value}"]
    assert opened + used + (closed if maker in CLOSING else []) == dependencies.log


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_dependency_of_a_call_may_need_one_of_the_handle(
    bus: AsyncMessageBus[Any], maker: Maker
) -> None:
    """The first is created for each listener, the second once."""
    dependencies = chain(maker, 1)

    def short(long: str = Depends(dependencies.last, scope="handle")) -> Any:
        dependencies.log.append("open short")
        yield f"short {long}"
        dependencies.log.append("close short")

    for name in ("first", "second"):
        listening(bus, dependencies.log, name, Depends(short))

    await handle(bus)

    calls = ["open short", "first short 1", "close short"]
    calls += ["open short", "second short 1", "close short"]
    closed = ["close 1"] if maker in CLOSING else []
    assert ["open 1", *calls, *closed] == dependencies.log


@pytest.mark.parametrize("maker", CLOSING)
async def test_without_cache_each_use_has_its_own_until_the_end_of_the_handle(
    bus: AsyncMessageBus[Any], maker: Maker
) -> None:
    """It is not shared, but lives as long."""
    dependencies = chain(maker, 1)
    declared = Depends(dependencies.last, scope="handle", use_cache=False)
    for name in ("first", "second"):
        listening(bus, dependencies.log, name, declared)

    await handle(bus)

    opened = ["open 1", "first 1", "open 1", "second 1"]
    assert [*opened, "close 1", "close 1"] == dependencies.log


@pytest.mark.parametrize("error", [HandlerError("no"), StopProgram("now")])
@pytest.mark.parametrize("maker", CLOSING)
async def test_open_dependencies_see_the_failure_of_a_listener(
    bus: AsyncMessageBus[Any], maker: Maker, error: BaseException
) -> None:
    """The last opened is closed first, and the failure is raised unchanged."""
    dependencies = chain(maker, 2)
    listening(bus, dependencies.log, "first", Depends(dependencies.last, scope="handle"))

    async def fail(event: ShelfCounted, uow: AsyncLibrary) -> None:
        raise error

    bus.add_listener(ShelfCounted, fail)
    with pytest.raises(type(error)) as raised:
        await handle(bus)

    seen = type(error).__name__
    assert raised.value is error
    assert [
        "open 1",
        "open 2",
        "first 21",
        f"close 2 after {seen}",
        f"close 1 after {seen}",
    ] == dependencies.log


@pytest.mark.parametrize("maker", CLOSING)
async def test_a_failure_at_the_end_of_the_handle_closes_the_others(
    bus: AsyncMessageBus[Any], maker: Maker
) -> None:
    """The others see the failure, and it is raised."""
    dependencies = chain(maker, 2)
    dependencies.probes[-1].clean_up = CleanUpError("no")
    listening(bus, dependencies.log, "only", Depends(dependencies.last, scope="handle"))

    with pytest.raises(CleanUpError, match="no"):
        await handle(bus)

    assert ["close 2", "close 1 after CleanUpError"] == dependencies.log[-2:]


@pytest.mark.parametrize("maker", CLOSING)
async def test_a_failing_set_up_closes_open_dependencies(
    bus: AsyncMessageBus[Any], maker: Maker
) -> None:
    """The listener is not called, and dependencies of the handle see the failure."""
    dependencies = chain(maker, 2)
    dependencies.probes[-1].set_up = CleanUpError("no")
    listening(bus, dependencies.log, "never", Depends(dependencies.last, scope="handle"))

    with pytest.raises(CleanUpError, match="no"):
        await handle(bus)

    assert ["open 1", "fail to open 2", "close 1 after CleanUpError"] == dependencies.log

"""Failing dependencies: the order of closing, the errors seen there, the error raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from messagebus import Depends
from messagebus.facade._async.consumer import Consumer
from tests.dependencies import (
    CLOSING,
    MAKERS,
    Chain,
    CleanUpError,
    HandlerError,
    Maker,
    SetUpError,
    StopProgram,
    chain,
)

DEPTHS = [1, 2, 3]


@dataclass
class Happened:
    """An event."""

    failure: BaseException | None = None


def consumer_of(dependencies: Chain) -> Consumer:
    """Return a consumer with a handler that needs a chain of dependencies."""
    consumer = Consumer()

    @consumer.handler
    async def handle(event: Happened, value: str = Depends(dependencies.last)) -> None:
        dependencies.log.append(f"handle {value}")
        if event.failure is not None:
            raise event.failure

    dependencies.override(consumer)
    return consumer


def opened(depth: int) -> list[str]:
    """Return the log after all set-ups and the call of the handler."""
    value = "".join(str(level) for level in range(depth, 0, -1))
    return [*(f"open {level}" for level in range(1, depth + 1)), f"handle {value}"]


def closed(depth: int, maker: Maker, seen: str = "") -> list[str]:
    """Return the log of all clean-ups, the last opened first."""
    if maker not in CLOSING:
        return []
    return [f"close {level}{seen and f' after {seen}'}" for level in range(depth, 0, -1)]


@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", MAKERS)
async def test_dependencies_are_open_while_they_are_used(
    maker: Maker, depth: int, overridden: bool
) -> None:
    """A requirement is opened first and closed last, after the handler."""
    dependencies = chain(maker, depth, overridden=overridden)

    await consumer_of(dependencies).consume(Happened())

    assert opened(depth) + closed(depth, maker) == dependencies.log


@pytest.mark.parametrize("error", [SetUpError("no"), StopProgram("now")])
@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", MAKERS)
async def test_a_failure_in_a_set_up_closes_open_dependencies(
    maker: Maker, depth: int, overridden: bool, error: BaseException
) -> None:
    """The handler is not called, and the open dependencies see the failure."""
    dependencies = chain(maker, depth, overridden=overridden)
    dependencies.probes[-1].set_up = error

    with pytest.raises(type(error)) as raised:
        await consumer_of(dependencies).consume(Happened())

    assert raised.value is error
    below = [f"open {level}" for level in range(1, depth)]
    after = closed(depth - 1, maker, type(error).__name__)
    assert [*below, f"fail to open {depth}", *after] == dependencies.log


@pytest.mark.parametrize("error", [HandlerError("no"), StopProgram("now")])
@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", MAKERS)
async def test_a_failure_of_the_handler_is_seen_by_all(
    maker: Maker, depth: int, overridden: bool, error: BaseException
) -> None:
    """It is thrown in at each yield, and raised unchanged."""
    dependencies = chain(maker, depth, overridden=overridden)

    with pytest.raises(type(error)) as raised:
        await consumer_of(dependencies).consume(Happened(error))

    assert raised.value is error
    assert raised.value.__context__ is None
    assert opened(depth) + closed(depth, maker, type(error).__name__) == dependencies.log


@pytest.mark.parametrize("error", [CleanUpError("no"), StopProgram("now")])
@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", CLOSING)
async def test_a_failure_in_a_clean_up_is_seen_by_the_others(
    maker: Maker, depth: int, overridden: bool, error: BaseException
) -> None:
    """The other dependencies are closed, and see that the call has failed."""
    dependencies = chain(maker, depth, overridden=overridden)
    dependencies.probes[-1].clean_up = error

    with pytest.raises(type(error)) as raised:
        await consumer_of(dependencies).consume(Happened())

    assert raised.value is error
    below = closed(depth - 1, maker, type(error).__name__)
    assert [*opened(depth), f"close {depth}", *below] == dependencies.log


@pytest.mark.parametrize("failure", [HandlerError("first"), StopProgram("first")])
@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", CLOSING)
async def test_a_failure_in_a_clean_up_does_not_hide_the_one_before(
    maker: Maker, depth: int, overridden: bool, failure: BaseException
) -> None:
    """Each failure replaces the one before, which becomes its context."""
    dependencies = chain(maker, depth, overridden=overridden)
    for probe in dependencies.probes:
        probe.clean_up = CleanUpError(probe.level)

    with pytest.raises(CleanUpError) as raised:
        await consumer_of(dependencies).consume(Happened(failure))

    seen: list[BaseException] = []
    error: BaseException | None = raised.value
    while error is not None:
        seen.append(error)
        error = error.__context__
    assert [*(probe.clean_up for probe in dependencies.probes), failure] == seen
    after = [f"close {level} after CleanUpError" for level in range(depth - 1, 0, -1)]
    top = f"close {depth} after {type(failure).__name__}"
    assert [*opened(depth), top, *after] == dependencies.log


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("maker", CLOSING)
async def test_the_context_of_a_failure_stays_where_it_is_raised_again(
    maker: Maker, depth: int
) -> None:
    """A call made while another error is handled shows its own failures first."""
    dependencies = chain(maker, depth)
    dependencies.probes[-1].clean_up = CleanUpError("second")
    consumer = consumer_of(dependencies)

    with pytest.raises(CleanUpError) as raised:
        try:
            raise ValueError("outer")
        except ValueError:
            await consumer.consume(Happened(HandlerError("first")))

    assert isinstance(raised.value.__context__, HandlerError)
    assert isinstance(raised.value.__context__.__context__, ValueError)


@pytest.mark.parametrize("maker", MAKERS)
async def test_a_service_fails_as_a_consumer_does(maker: Maker) -> None:
    """The rules for handlers of events hold for actions."""
    from messagebus.facade._async.service import Service

    dependencies = chain(maker, 2)
    service = Service()

    @service.handler
    async def act(failure: Exception, value: str = Depends(dependencies.last)) -> Any:
        dependencies.log.append(f"handle {value}")
        raise failure

    for call in (lambda error: service.execute("act", error), act):
        dependencies.log.clear()
        with pytest.raises(HandlerError):
            await call(HandlerError())
        assert opened(2) + closed(2, maker, "HandlerError") == dependencies.log

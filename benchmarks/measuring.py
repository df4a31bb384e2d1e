"""Measuring a loop that is plain, or one that runs in an event loop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import cache
from itertools import repeat
from time import perf_counter, process_time
from typing import Any, TypeAlias

from .contender import Clock, Loop, Meter, Sample

Prepared: TypeAlias = tuple[Callable[[], object], Loop]
"""What has to be called before each repetition, and what is repeated."""

LEFT = ExitStack()
"""What is to be closed when this process has measured all it was asked to."""


def timed(loop: Callable[[], Loop]) -> Callable[[], Meter]:
    """Return what prepares a loop and measures it, with a clock inside of the event loop."""

    def meter() -> Meter:
        run = loop()

        async def measure(times: int) -> Sample:
            rounds = repeat(None, times)
            cpu, wall = process_time(), perf_counter()
            waiting = run(rounds)
            if waiting is not None:
                await waiting
            return Sample(process_time() - cpu, perf_counter() - wall)

        return lambda times: _event_loop().run(measure(times))

    return meter


def timed_each(prepared: Callable[[], Prepared]) -> Callable[[], Meter]:
    """Return what prepares and measures each repetition on its own, the preparation left out."""

    def meter() -> Meter:
        before, run = prepared()
        once = timed(lambda: run)()

        def measure(times: int) -> Sample:
            cpu = wall = 0.0
            for _ in range(times):
                before()
                sample = once(1)
                cpu, wall = cpu + sample.cpu, wall + sample.wall
            return Sample(cpu, wall)

        return measure

    return meter


def at_the_end(close: Callable[[], Coroutine[Any, Any, None] | None]) -> None:
    """Have something closed, in the event loop if need be, when all is measured."""
    LEFT.callback(lambda: outcome(close()))


def outcome(result: Any) -> Any:
    """Return a result, which may have to be waited for in the event loop."""
    return _event_loop().run(result) if isinstance(result, Coroutine) else result


_WARMING = 5


def calibrated(meter: Meter, seconds: float, clock: Clock = "cpu") -> int:
    """Return how many repetitions take about that long; what is measured is warm by then."""
    # The first ones connect, and compile what is kept: they would pass for a long sample.
    meter(_WARMING)
    times = 1
    while True:
        taken: float = getattr(meter(times), clock)
        if taken >= seconds / 2:
            return max(1, round(times * seconds / taken))
        times = max(times * 2, round(times * seconds / max(taken, 1e-6) * 0.8))


def pin() -> int | None:
    """Keep this process, and those it starts, on one processor; return which, if that works.

    The last one: the first is where systems handle most interrupts.
    """
    if sys.platform != "linux":
        return None
    processor = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processor})
    return processor


@cache
def _event_loop() -> asyncio.Runner:
    return asyncio.Runner(debug=False)

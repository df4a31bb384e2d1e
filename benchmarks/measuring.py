"""Measures loops, sync ones and those that run in an event loop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import repeat
from time import perf_counter, process_time
from typing import Any, TypeAlias

from .contender import Clock, Loop, Meter, Sample

Prepared: TypeAlias = tuple[Callable[[], object], Loop]
"""A function to call before each repetition, and the loop to repeat."""

Watched: TypeAlias = tuple[Callable[[], object], Loop, Callable[[], Sample]]
"""The same, with a function that returns how long the part of a repetition took that counts."""

LEFT = ExitStack()
"""Resources to close when this process has measured everything."""


def timed(loop: Callable[[], Loop]) -> Callable[[], Meter]:
    """Return what prepares a loop and measures it, with the clock inside the event loop."""

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
    """Return what prepares each repetition anew and measures it without its preparation."""

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


def timed_within(prepared: Callable[[], Watched]) -> Callable[[], Meter]:
    """Return what prepares each repetition anew and returns the duration that it has taken."""

    def meter() -> Meter:
        before, run, duration = prepared()
        once = timed(lambda: run)()

        def measure(times: int) -> Sample:
            cpu = wall = 0.0
            for _ in range(times):
                before()
                once(1)
                sample = duration()
                cpu, wall = cpu + sample.cpu, wall + sample.wall
            return Sample(cpu, wall)

        return measure

    return meter


def at_the_end(close: Callable[[], Coroutine[Any, Any, None] | None]) -> None:
    """Close something when everything is measured, in the event loop if necessary."""
    LEFT.callback(lambda: outcome(close()))


def outcome(result: Any) -> Any:
    """Return a result; run it in the event loop first if it is awaitable."""
    return _event_loop().run(result) if isinstance(result, Coroutine) else result


_WARMING = 5
_PROCESSORS = os.sched_getaffinity(0) if sys.platform == "linux" else set[int]()


def calibrated(meter: Meter, seconds: float, clock: Clock = "cpu") -> int:
    """Return the number of repetitions that take about *seconds*, and warm the code up."""
    # The first repetitions connect and fill caches, and would pass for a long sample.
    meter(1)
    if getattr(meter(1), clock) < seconds:
        meter(_WARMING)
    times = 1
    while True:
        taken: float = getattr(meter(times), clock)
        if taken >= seconds / 2:
            return max(1, round(times * seconds / taken))
        times = max(times * 2, round(times * seconds / max(taken, 1e-6) * 0.8))


def pin() -> int | None:
    """Pin this process and its children to one processor; return its number if that works.

    The last processor is taken, as most systems handle interrupts on the first.
    """
    if sys.platform != "linux":
        return None
    processor = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processor})
    return processor


@contextmanager
def on_all_processors() -> Iterator[None]:
    """Let processes that are started in the block use the processors that *pin* has given up."""
    if sys.platform != "linux":
        yield
        return
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _PROCESSORS)
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


@cache
def _event_loop() -> asyncio.Runner:
    return asyncio.Runner(debug=False)

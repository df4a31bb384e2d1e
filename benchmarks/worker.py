"""The process that measures one version of the package."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before anything outside the standard library is imported
    sys.path[:0] = sys.argv[1:]

import gc
import importlib
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .contender import Meter
from .measuring import LEFT, outcome
from .readings import blocks, resident_bytes

_meters: list[Meter] = []


def prepare(workload: str, colour: str, size: str) -> int:
    """Prepare a contender of the package; return the number to measure it by."""
    from .workloads import workload as load

    case = next(case for case in load(workload).cases if case.colour == colour)
    meter = case.of_this_process(size).meter
    if meter is None:
        text = f"{workload} measures nothing of that size here: {size}"
        raise LookupError(text)
    gc.unfreeze()
    _meters.append(meter())
    return len(_meters) - 1


def measure(number: int, times: int) -> tuple[float, float]:
    """Measure after a garbage collection, with all older objects frozen."""
    gc.collect()
    gc.freeze()
    return _meters[number](times)


def take_turns(
    workload: str, colour: str, pace: dict[str, Any], older: list[str]
) -> dict[str, Any]:
    """Measure all contenders of a case; return the measurements and the absent contenders."""
    from .older import Worker
    from .rounds import Pace
    from .rounds import measure as in_rounds
    from .workloads import workload as load

    case = next(case for case in load(workload).cases if case.colour == colour)
    absent: dict[str, str] = {}
    if older:
        with Worker(older) as worker:
            found = in_rounds(case, Pace(**pace), worker.meter, absent)
    else:
        found = in_rounds(case, Pace(**pace), None, absent)
    return {"measurements": [asdict(each) for each in found], "absent": absent}


def memory(colour: str, ending: str, count: int, publishing: bool) -> tuple[float, float]:
    """Handle commands; return the growth of allocated blocks and of the process in bytes."""
    import asyncio

    many = importlib.import_module(f"benchmarks._{colour}.memory")
    work = many.handling(ending, many.library(publishing))

    def handle(number: int) -> None:
        waiting = work(number)
        if waiting is not None:
            runner.run(waiting)
        gc.collect()

    with asyncio.Runner() as runner:
        handle(1_000)
        before = blocks(), resident_bytes()
        handle(count)
        after = blocks(), resident_bytes()
    return (after[0] - before[0]) / count, (after[1] - before[1]) / count


def latency(colour: str, broker: str, count: int) -> list[float]:
    """Commit events; return the time until each is in the stream, in milliseconds."""
    from .workloads.latency import milliseconds

    return milliseconds(colour, broker, count)


def recovery(name: str, kills: int, standby: bool) -> list[float]:
    """Kill whoever sends; return the time until another process sends, in seconds."""
    from .recovering import seconds

    return seconds(name, kills, standby=standby)


def end_to_end(broker: str, count: int) -> list[float]:
    """Commit events; return the time until another service has applied each, in milliseconds."""
    from .services import milliseconds

    return milliseconds(broker, count)


def endurance(count: int, times: int) -> list[tuple[int, float]]:
    """Consume messages; return blocks and bytes of memory after each *count* of them."""
    from .endurance import samples

    return outcome(samples(count, times))  # type: ignore[no-any-return]


def main() -> None:
    """Answer requests until the input ends."""
    requests: dict[str, Callable[..., Any]] = {
        "prepare": prepare,
        "measure": measure,
        "take_turns": take_turns,
        "memory": memory,
        "latency": latency,
        "recovery": recovery,
        "end_to_end": end_to_end,
        "endurance": endurance,
    }
    with LEFT:
        for line in sys.stdin:
            name, arguments = json.loads(line)
            sys.stdout.write(json.dumps(requests[name](*arguments)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

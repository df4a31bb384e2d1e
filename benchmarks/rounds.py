"""Interleaved rounds: each measures every contender of a case once, in a new order."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .contender import Case, Contender, Meter
from .measuring import calibrated
from .run import Measurement


@dataclass(frozen=True)
class Pace:
    """The duration of a measurement.

    Attributes:
        processes: the number of processes that measure each case, one after another.
        sample: the duration of one sample, in seconds.
        case: the time for all the rounds of a case in one process, in seconds.
        most: the maximum of rounds in one process.
        fewest: the minimum of rounds in one process, even if they take longer than *case*.
        thorough: whether to measure contenders that take long to prepare.
    """

    processes: int
    sample: float
    case: float
    most: int
    fewest: int
    thorough: bool = True


THOROUGH = Pace(processes=3, sample=0.006, case=2.0, most=30, fewest=3)
QUICK = Pace(processes=1, sample=0.003, case=0.8, most=15, fewest=3, thorough=False)


def measure(
    case: Case,
    pace: Pace,
    older: Callable[[Case, Contender], Meter] | None,
    absent: dict[str, str],
) -> list[Measurement]:
    """Measure the contenders of a case in rounds.

    The garbage collector runs as usual, since a contender should pay for the garbage that it
    makes. Older objects are frozen, and each measurement starts with a collection.

    Args:
        case: the case.
        pace: the duration.
        older: returns the meter of a contender of the older version; None if not installed.
        absent: receives the contenders that could not be measured, with the reasons.
    """
    meters: list[tuple[Contender, Meter]] = []
    for contender in case.contenders:
        if contender.thorough and not pace.thorough:
            continue
        try:
            if contender.meter is not None:
                meters.append((contender, contender.meter()))
            elif older is not None:
                meters.append((contender, older(case, contender)))
        except ImportError as error:
            absent[contender.name] = str(error)
    times = [calibrated(meter, pace.sample, case.clock) for _, meter in meters]
    gc.collect()
    gc.freeze()
    try:
        once = sum(
            meter(count).wall + 0.001 for (_, meter), count in zip(meters, times, strict=True)
        )
        rounds = round(min(pace.most, max(pace.fewest, pace.case / once)) * case.patience)
        measurements = [
            Measurement(
                workload=case.workload,
                colour=case.colour,
                contender=contender.name,
                size=contender.size,
                role=contender.role,
                clock=case.clock,
                repetitions=count,
                operations=contender.operations,
                rounds=[rounds],
            )
            for (contender, _), count in zip(meters, times, strict=True)
        ]
        order = list(range(len(meters)))
        shuffle = Random(0).shuffle
        for _ in range(rounds):
            shuffle(order)
            for index in order:
                gc.collect()
                measurements[index].add(meters[index][1](times[index]))
        return measurements
    finally:
        gc.unfreeze()
        gc.collect()

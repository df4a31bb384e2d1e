"""Interleaved rounds: in each, every contender of a case is measured once, in a new order."""

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
    """How long to measure.

    Attributes:
        processes: how many processes measure each case, one after the other.
        sample: seconds of one measurement.
        case: seconds for all the rounds of a case in one process.
        most: no more rounds than this in one process.
        fewest: no fewer, even if it takes longer.
        thorough: measure also what takes long to prepare.
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

    The garbage collector runs as it does in any process, since whoever makes garbage should pay
    for it; but what was there before is out of its sight, and each measurement starts clean.

    Args:
        case: what is measured.
        pace: how long.
        older: gives what measures the older version; None if it is not installed.
        absent: takes the names of contenders that could not be measured, with the reasons.
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

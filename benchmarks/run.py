"""The measurements of one run, stored as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from .contender import BY_HAND, Clock, Sample
from .statistics import Spread, ratios, spread

FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The samples of one contender, in nanoseconds per operation.

    Attributes:
        repetitions: the number of repetitions in a sample.
        operations: the number of operations in one repetition.
        rounds: the number of rounds in each process, one process after another.
        clock: which of the times counts.
    """

    workload: str
    colour: str
    contender: str
    size: str
    role: str
    repetitions: int
    operations: int
    rounds: list[int]
    clock: Clock = "cpu"
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def join(self, other: Measurement) -> None:
        """Add the samples of another process."""
        self.rounds.extend(other.rounds)
        self.cpu.extend(other.cpu)
        self.wall.extend(other.wall)

    def add(self, sample: Sample) -> None:
        """Add the sample of a round."""
        operations = self.repetitions * self.operations
        self.cpu.append(round(sample.cpu / operations * 1e9, 2))
        self.wall.append(round(sample.wall / operations * 1e9, 2))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The key of this measurement within a run."""
        return (self.workload, self.colour, self.contender, self.size)

    @property
    def times(self) -> list[float]:
        """The time that counts, in nanoseconds per operation, for each round."""
        return self.cpu if self.clock == "cpu" else self.wall

    @property
    def time(self) -> Spread:
        """The time that counts, in nanoseconds per operation."""
        return spread(self.times)

    @property
    def apart(self) -> float:
        """The distance of the medians of the processes, as a fraction of the median."""
        ends = list(accumulate(self.rounds))
        medians = [
            spread(self.times[end - count : end]).median
            for end, count in zip(ends, self.rounds, strict=True)
        ]
        return (max(medians) - min(medians)) / self.time.median


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A figure that is read once, such as a number of bytes or of modules."""

    workload: str
    colour: str
    contender: str
    size: str
    value: float
    unit: str
    text: str = ""


@dataclass(kw_only=True)
class Run:
    """All measurements, and the machine that they were taken on."""

    machine: dict[str, Any]
    measurements: list[Measurement] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, measurements: Iterable[Measurement]) -> None:
        """Add measurements; join those of contenders that other processes have measured."""
        for each in measurements:
            known = self.find(*each.key)
            if known is None:
                self.measurements.append(each)
            else:
                known.join(each)

    def find(
        self, workload: str, colour: str, contender: str, size: str = ""
    ) -> Measurement | None:
        """Return the measurement of a contender, if there is one."""
        key = (workload, colour, contender, size)
        return next((each for each in self.measurements if each.key == key), None)

    def ratio(
        self, workload: str, colour: str, over: tuple[str, str], under: tuple[str, str]
    ) -> Spread | None:
        """Return the ratio of two contenders, taken round by round.

        Args:
            workload: the name of the workload.
            colour: its colour.
            over: name and size of the numerator.
            under: name and size of the denominator.
        """
        one = self.find(workload, colour, *over)
        other = self.find(workload, colour, *under)
        return None if one is None or other is None else spread(ratios(one.times, other.times))

    def read(self, workload: str, colour: str, contender: str, size: str = "") -> Reading | None:
        """Return a reading of a contender, if there is one."""
        key = (workload, colour, contender, size)
        return next(
            (
                each
                for each in self.readings
                if (each.workload, each.colour, each.contender, each.size) == key
            ),
            None,
        )

    def cases(self) -> Iterator[list[Measurement]]:
        """Yield the measurements of each case."""
        groups: dict[tuple[str, str], list[Measurement]] = {}
        for each in self.measurements:
            groups.setdefault((each.workload, each.colour), []).append(each)
        yield from groups.values()

    def floor_of(self, measurement: Measurement) -> Measurement | None:
        """Return the work by hand of the same size, or else the one without a size."""
        key = (measurement.workload, measurement.colour, BY_HAND)
        return self.find(*key, measurement.size) or self.find(*key)

    def write(self, path: Path) -> None:
        """Write the run as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}) + "\n", "utf-8")

    @classmethod
    def from_file(cls, path: Path) -> Run:
        """Read a run that `write` wrote.

        Raises:
            ValueError: the file has another format.
        """
        content = json.loads(path.read_text("utf-8"))
        if content.pop("format", None) != FORMAT:
            text = f"{path} is no run of format {FORMAT}: measure again"
            raise ValueError(text)
        measurements = [Measurement(**each) for each in content.pop("measurements")]
        readings = [Reading(**each) for each in content.pop("readings")]
        return cls(measurements=measurements, readings=readings, **content)

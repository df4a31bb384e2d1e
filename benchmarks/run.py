"""What was measured in one run, kept as a JSON file."""

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
    """The samples of one contender, in nanoseconds for one operation.

    Attributes:
        repetitions: how often a sample repeats what is measured.
        operations: how many operations that is.
        rounds: how many rounds each process has measured, one process after the other.
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
        """Add what another process has measured."""
        self.rounds.extend(other.rounds)
        self.cpu.extend(other.cpu)
        self.wall.extend(other.wall)

    def add(self, sample: Sample) -> None:
        """Add what the repetitions of a round took."""
        operations = self.repetitions * self.operations
        self.cpu.append(round(sample.cpu / operations * 1e9, 2))
        self.wall.append(round(sample.wall / operations * 1e9, 2))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from the others of a run."""
        return (self.workload, self.colour, self.contender, self.size)

    @property
    def times(self) -> list[float]:
        """The time that counts, in nanoseconds for one operation, of each round."""
        return self.cpu if self.clock == "cpu" else self.wall

    @property
    def time(self) -> Spread:
        """The time that counts, in nanoseconds for one operation."""
        return spread(self.times)

    @property
    def apart(self) -> float:
        """The distance of the medians of the processes, as a part of the median."""
        ends = list(accumulate(self.rounds))
        medians = [
            spread(self.times[end - count : end]).median
            for end, count in zip(ends, self.rounds, strict=True)
        ]
        return (max(medians) - min(medians)) / self.time.median


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Something that was read once: a number of bytes, or of modules."""

    workload: str
    colour: str
    contender: str
    size: str
    value: float
    unit: str
    text: str = ""


@dataclass(kw_only=True)
class Run:
    """All that was measured, with what it was measured on."""

    machine: dict[str, Any]
    measurements: list[Measurement] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, measurements: Iterable[Measurement]) -> None:
        """Add measurements, to those of the same contenders by other processes."""
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
        """Return how many times longer one contender takes than another, round by round.

        Args:
            workload: the name of the workload.
            colour: its colour.
            over: name and size of the one.
            under: name and size of the other.
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
        """Yield the measurements that were taken in turns."""
        groups: dict[tuple[str, str], list[Measurement]] = {}
        for each in self.measurements:
            groups.setdefault((each.workload, each.colour), []).append(each)
        yield from groups.values()

    def floor_of(self, measurement: Measurement) -> Measurement | None:
        """Return the same work by hand: of the same size, or the one without a size."""
        key = (measurement.workload, measurement.colour, BY_HAND)
        return self.find(*key, measurement.size) or self.find(*key)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}) + "\n", "utf-8")

    @classmethod
    def from_file(cls, path: Path) -> Run:
        """Read what `write` has written.

        Raises:
            ValueError: it is of another format.
        """
        content = json.loads(path.read_text("utf-8"))
        if content.pop("format", None) != FORMAT:
            text = f"{path} is no run of format {FORMAT}: measure again"
            raise ValueError(text)
        measurements = [Measurement(**each) for each in content.pop("measurements")]
        readings = [Reading(**each) for each in content.pop("readings")]
        return cls(measurements=measurements, readings=readings, **content)

from __future__ import annotations

import os
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from itertools import repeat
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.__main__ import main
from benchmarks._async import dispatch as waiting_dispatch
from benchmarks._async import watching as waiting_watching
from benchmarks._sync import dispatch as plain_dispatch
from benchmarks._sync import watching as plain_watching
from benchmarks.chart import chart
from benchmarks.comparison import compare
from benchmarks.contender import BY_HAND, OURS, Case, Clock, Contender, Loop, Meter, Sample
from benchmarks.goals import GOALS
from benchmarks.guard import baseline
from benchmarks.guard.baseline import Baseline
from benchmarks.guard.counting import Counts, Prepared, counted
from benchmarks.guard.counting import Path as CountedPath
from benchmarks.measuring import (
    calibrated,
    on_all_processors,
    outcome,
    pin,
    timed,
    timed_each,
    timed_within,
)
from benchmarks.report import report
from benchmarks.rounds import Pace, measure
from benchmarks.run import Measurement, Reading, Run
from benchmarks.statistics import ratios, spread
from benchmarks.workloads import latency

MACHINE = {
    "when": "2026-01-01T00:00+00:00",
    "python": "CPython 3.13.0",
    "compiler": "GCC",
    "system": "Linux",
    "processor": "a processor",
    "processors": 2,
    "pinned": 1,
    "minutes": 1.0,
    "packages": {"messagebus": "0.1.0", "blinker": "1.9.0"},
}


def dispatched(contender: str, role: str, *nanoseconds: float) -> Measurement:
    """Return a measurement of a contender, with one figure for each round."""
    times = list(nanoseconds)
    return Measurement(
        workload="dispatch",
        colour="async",
        contender=contender,
        size="",
        role=role,
        repetitions=1,
        operations=1,
        rounds=[len(times)],
        cpu=times,
        wall=times,
    )


def taken(ours: float) -> Run:
    """Return a run; in its second round the machine was slow."""
    measurements = [
        dispatched(BY_HAND, "by hand", 1_000, 2_000, 1_000),
        dispatched(OURS, "ours", ours, 2 * ours, ours),
        dispatched("blinker", "peer", 4_000, 8_000, 4_000),
    ]
    return Run(machine=MACHINE, measurements=measurements)


def test_a_ratio_is_taken_within_each_round() -> None:
    """A round in which the machine was slow does not change the ratio."""
    found = taken(1_500).ratio("dispatch", "async", (OURS, ""), (BY_HAND, ""))

    assert (1.5, 1.5, 1.5) == found


def test_measurements_of_several_processes_are_joined() -> None:
    """The measurements of several processes are joined, and their distance is recorded."""
    run = taken(1_500)

    run.add(taken(3_000).measurements)

    ours = run.find("dispatch", "async", OURS)
    assert ours is not None
    assert (3, [3, 3]) == (len(run.measurements), ours.rounds)
    assert 1_500 / 3_000 == ours.apart


def test_the_spread_ignores_disturbances() -> None:
    """A single disturbed measurement moves neither the median nor the quartiles."""
    assert spread([1, 1, 1, 1, 1, 1, 1, 1, 100]) == (1, 1, 1)
    assert [2, 3] == ratios([2, 6], [1, 2])


@pytest.mark.slow
def test_rounds_measure_every_contender_equally_often() -> None:
    """Each round measures all contenders of a case; a missing contender is named."""
    meters: dict[str, list[int]] = {"one": [], "two": []}

    def meter(name: str) -> Meter:
        def run(times: int) -> Sample:
            meters[name].append(times)
            return Sample(times * 1e-3, times * 1e-3)

        return run

    def missing() -> Meter:
        raise ImportError(name="three")

    case = Case(
        workload="dispatch",
        colour="",
        contenders=(
            Contender(name="one", meter=lambda: meter("one"), operations=10),
            Contender(name="two", meter=lambda: meter("two")),
            Contender(name="three", meter=missing),
        ),
    )
    absent: dict[str, str] = {}

    found = measure(case, Pace(processes=1, sample=0.01, case=0, most=9, fewest=4), None, absent)

    assert {"three"} == absent.keys()
    assert [("one", 4), ("two", 4)] == [(each.contender, len(each.cpu)) for each in found]
    assert [1e5, 1e6] == [each.time.median for each in found]


def test_a_loop_of_either_colour_is_timed() -> None:
    """Sync and async loops run as often as asked."""
    done: list[str] = []

    def plain() -> Loop:
        def run(times: Iterable[None]) -> None:
            done.extend("plain" for _ in times)

        return run

    def waiting() -> Loop:
        async def run(times: Iterable[None]) -> None:
            done.extend("waiting" for _ in times)

        return run

    timed(plain)()(2)
    timed(waiting)()(3)

    assert ["plain"] * 2 + ["waiting"] * 3 == done


def test_what_prepares_a_repetition_is_left_out() -> None:
    """Each repetition is prepared anew, and its preparation is not measured."""
    done: list[str] = []
    left_out: list[float] = []

    def prepare() -> None:
        begin = time.perf_counter()
        done.append("prepared")
        time.sleep(0.2)
        left_out.append(time.perf_counter() - begin)

    def repeat(times: Iterable[None]) -> None:
        done.extend("repeated" for _ in times)

    begin = time.perf_counter()
    taken = timed_each(lambda: (prepare, repeat))()(2)
    total = time.perf_counter() - begin

    assert ["prepared", "repeated"] * 2 == done
    assert taken.wall <= total - sum(left_out)


def test_a_repetition_may_say_how_long_it_took() -> None:
    """Its beginning and its end are left out then."""
    done: list[str] = []

    def repeat(times: Iterable[None]) -> None:
        done.extend("repeated" for _ in times)

    watched = (lambda: done.append("prepared"), repeat, lambda: Sample(0.25, 0.5))

    assert Sample(0.5, 1.0) == timed_within(lambda: watched)()(2)
    assert ["prepared", "repeated"] * 2 == done


@pytest.mark.slow
def test_a_case_says_which_clock_counts() -> None:
    """Wall-clock time counts for work that waits; otherwise processor time counts."""

    def found(clock: Clock) -> float:
        one = Contender(name="one", meter=lambda: lambda times: Sample(times * 1e-3, times * 1e-2))
        case = Case(workload="dispatch", colour="", contenders=(one,), clock=clock)
        [measured] = measure(case, Pace(1, sample=0.01, case=0, most=9, fewest=4), None, {})
        return measured.time.median

    assert (1e6, 1e7) == (found("cpu"), found("wall"))


@pytest.mark.slow
def test_a_quick_run_goes_without_what_takes_long_to_prepare() -> None:
    """Only a thorough run measures such a contender; patience gives all of them more rounds."""

    def contender(name: str, *, thorough: bool) -> Contender:
        return Contender(
            name=name, meter=lambda: lambda times: Sample(times, times), thorough=thorough
        )

    case = Case(
        workload="dispatch",
        colour="",
        contenders=(contender("one", thorough=False), contender("two", thorough=True)),
        patience=3,
    )

    def found(*, thorough: bool) -> list[tuple[str, int]]:
        pace = Pace(1, sample=0.01, case=0, most=9, fewest=4, thorough=thorough)
        return [(each.contender, len(each.cpu)) for each in measure(case, pace, None, {})]

    assert [("one", 12)] == found(thorough=False)
    assert [("one", 12), ("two", 12)] == found(thorough=True)


def test_calibration_finds_the_number_of_repetitions() -> None:
    """A sample has as many repetitions as fit the time for a sample."""
    assert 100 == calibrated(lambda times: Sample(times * 1e-4, 0), 0.01)
    assert 1 == calibrated(lambda times: Sample(times * 1.0, 0), 0.01)


@pytest.mark.parametrize(("seconds", "warming"), [(1.0, [1, 1]), (0.001, [1, 1, 5])])
def test_long_repetitions_need_little_warming(seconds: float, warming: list[int]) -> None:
    """What takes longer than a sample has warmed up after two repetitions."""
    made: list[int] = []

    def meter(times: int) -> Sample:
        made.append(times)
        return Sample(times * seconds, 0)

    calibrated(meter, 0.01)

    assert [*warming, 1] == made[: len(warming) + 1]


@pytest.mark.parametrize(("ours", "verdict"), [(1_500, "met"), (2_500, "**not met**")])
def test_the_report_says_of_each_goal_whether_it_is_met(ours: float, verdict: str) -> None:
    """A goal is reported with its figure and a verdict; a goal without a measurement says so."""
    rows = report(taken(ours)).splitlines()

    [row] = [row for row in rows if "async, of the work by hand" in row and "dispatch" in row]
    figure, shown = row.split(" | ")[-2:]
    assert (f"{ours / 1_000:.2f}", f"{verdict} |") == (figure.split()[0], shown)
    assert len(GOALS) - 2 == sum("not measured" in row for row in rows)


@pytest.mark.parametrize(("value", "verdict"), [(2.0, "met"), (50.5, "**not met**")])
def test_the_goal_for_latency_is_in_milliseconds(value: float, verdict: str) -> None:
    """A reading that is no ratio has a verdict as well, and appears in its table."""
    run = taken(1_500)
    size = latency.size_of("Redis", latency.LONGEST)
    run.readings.append(
        Reading(
            workload="latency", colour="sync", contender=OURS, size=size, value=value, unit="ms"
        )
    )

    rows = report(run).splitlines()

    [goal] = [row for row in rows if "| sync, from the commit to a reader of Redis, 99th" in row]
    assert goal.endswith(f"≤ 50 ms | {value:.{2 if value < 10 else 1}f} ms | {verdict} |")
    assert f"| sync | **messagebus** | {size} | {value:g} ms |  |" in rows


def test_the_result_of_a_coroutine_is_awaited() -> None:
    """A coroutine is run; anything else is returned unchanged."""

    async def waiting() -> int:
        return 1

    assert (1, 2) == (outcome(waiting()), outcome(2))


def test_a_goal_is_not_met_by_figures_that_are_far_apart() -> None:
    """On a busy machine all ratios come close to 1, and prove nothing."""
    measurements = [
        dispatched(BY_HAND, "by hand", 1_000, 2_000, 1_000),
        dispatched(OURS, "ours", 1_000, 1_000, 4_000),
    ]

    rows = report(Run(machine=MACHINE, measurements=measurements)).splitlines()

    [row] = [row for row in rows if "async, of the work by hand" in row and "dispatch" in row]
    assert row.endswith("too unsteady to tell |")


def test_the_report_tells_what_a_peer_does_not_do() -> None:
    """The report says what the figure of a peer includes."""
    assert "- blinker: signals: no transaction" in report(taken(1_500))


def test_the_chart_is_a_picture_with_every_contender() -> None:
    """The chart is well-formed XML and names every contender."""
    picture = ET.fromstring(chart(taken(1_500)))  # noqa: S314 - it is ours

    texts = {each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {BY_HAND, OURS, "blinker"} <= texts


def test_a_run_is_stored_in_a_file(tmp_path: Path) -> None:
    """Reading a stored run returns an equal run; another format is refused."""
    run, file = taken(1_500), tmp_path / "run.json"

    run.write(file)

    assert run == Run.from_file(file)
    file.write_text("{}", "utf-8")
    with pytest.raises(ValueError, match="no run of format"):
        Run.from_file(file)


def test_two_runs_are_compared_by_their_ratios() -> None:
    """Changes are relative to the work by hand; figures without a change say so."""
    rows = compare(taken(1_500), taken(3_000)).splitlines()

    assert "| dispatch async | messagebus |  | 1.5 | 3 | +100% |" in rows
    assert "| dispatch async | blinker |  | 4 | 4 | = |" in rows


def test_a_run_replaces_what_stands_between_the_markers(tmp_path: Path) -> None:
    """The rest of the page stays, the chart goes beside it, and markers are required."""
    file = tmp_path / "speed.md"
    file.write_text(f"before\n{page.START}\nold\n{page.END}\nafter\n", "utf-8")

    page.refresh(file, taken(1_500))

    text = file.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "](speed.svg)" in text
    assert (tmp_path / "speed.svg").exists()
    file.write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="has no"):
        page.refresh(file, taken(1_500))


def sorting(times: int) -> Prepared:
    """Prepare *times* calls of a compiled function."""
    total = list(range(times))

    def run() -> None:
        for _ in total:
            sorted([1])

    return run


def test_counts_do_not_vary() -> None:
    """The instructions and calls of one operation are whole numbers and constant."""
    first, second = counted(sorting), counted(sorting)

    assert first == second
    assert (1, True) == (first.calls, first.instructions.is_integer())
    assert first.instructions > 0


@pytest.mark.parametrize(
    ("dispatched", "watched"),
    [
        (waiting_dispatch.through_the_bus, waiting_watching.without_provider),
        (plain_dispatch.through_the_bus, plain_watching.without_provider),
    ],
    ids=["async", "sync"],
)
def test_tracing_without_a_provider_adds_no_instruction(
    dispatched: Callable[[], Loop], watched: Callable[[], Loop]
) -> None:
    """A bus that was instrumented where nobody listens dispatches like any other."""

    def path(loop: Loop) -> CountedPath:
        return lambda times: lambda: loop(repeat(None, times))

    assert counted(path(dispatched())) == counted(path(watched()))


def test_work_that_waits_is_not_counted() -> None:
    """Work that suspends would be counted only in part, so it is refused."""

    class Suspends:
        def __await__(self) -> Iterable[None]:
            yield

    async def wait() -> None:
        await Suspends()  # type: ignore[misc]

    with pytest.raises(RuntimeError, match="waits for something"):
        counted(lambda times: wait)


def test_the_guard_tells_what_exceeds_the_baseline() -> None:
    """A count out of tolerance is reported, whether it grew or shrank."""
    releases = {"pydantic": "2.0"}
    before = Baseline(releases, {"path": Counts(100, 10, 1_000), "gone": Counts(1, 1, 1)})
    after = {"path": Counts(103, 9, 1_000), "new": Counts(1, 1, 1)}

    assert [] == list(baseline.changes(before, {"path": Counts(102, 10, 1_100)}, releases))
    found = list(baseline.changes(before, after, releases))

    assert [True, False] == [each.worse for each in found]
    assert "path: 103 instructions, were 100 (+3%)" == str(found[0])


def test_bytes_are_not_compared_across_releases_of_pydantic() -> None:
    """A release of pydantic that needs more memory is no regression of this package."""
    before = Baseline({"pydantic": "2.0"}, {"path": Counts(100, 10, 1_000)})

    [change] = baseline.changes(before, {"path": Counts(200, 10, 2_000)}, {"pydantic": "2.1"})

    assert "instructions" == change.what


def test_a_baseline_is_kept_for_each_version(tmp_path: Path) -> None:
    """Writing the baseline of this version of Python keeps those of the others."""
    file = tmp_path / "baseline.json"
    assert baseline.read(file) is None
    file.write_text('{"3.10": {}}', "utf-8")

    baseline.write({"path": Counts(1, 2, 3)}, file)

    assert Baseline(baseline.counted_with(), {"path": Counts(1, 2, 3)}) == baseline.read(file)
    assert '"3.10": {}' in file.read_text("utf-8")


def test_the_commands_work_on_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line compares runs and writes a run into a page."""
    taken(1_500).write(tmp_path / "run.json")
    (tmp_path / "speed.md").write_text(f"{page.START}\n{page.END}\n", "utf-8")
    file, other = str(tmp_path / "run.json"), str(tmp_path / "speed.md")

    monkeypatch.setattr("sys.argv", ["benchmarks", "compare", file, file])
    assert 0 == main()
    monkeypatch.setattr("sys.argv", ["benchmarks", "page", file, "--page", other])
    assert 0 == main()

    assert "| dispatch async | messagebus |  | 1.5 | 1.5 | = |" in capsys.readouterr().out
    assert "### Goals" in Path(other).read_text("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="processes cannot be pinned there")
def test_processes_that_work_together_use_all_processors() -> None:
    """They are not pinned to the one of the other workloads."""
    before = os.sched_getaffinity(0)
    try:
        processor = pin()
        with on_all_processors():
            assert before == os.sched_getaffinity(0)
        assert {processor} == os.sched_getaffinity(0)
    finally:
        os.sched_setaffinity(0, before)

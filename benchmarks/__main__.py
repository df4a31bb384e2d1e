"""The command line; see the docstring of the package."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path

from . import __doc__ as description
from .chart import chart
from .comparison import compare
from .guard import command as guard
from .machine import describe
from .measuring import pin
from .older import ROOT, Versions, Worker
from .rounds import QUICK, THOROUGH
from .run import Measurement, Run
from .workloads import NAMES, workload

OUTPUT = ROOT / "build" / "bench"
PAGE = ROOT / "docs" / "performance.md"


def run(options: argparse.Namespace) -> int:
    """Measure, and write the table, the chart and the figures."""
    from .report import report  # imports the drivers of all engines, which the guard does without

    began = time.monotonic()
    versions = Versions.found(options.older)
    taken = Run(machine={**describe(), "pinned": pin()})
    if not versions.older:
        taken.absent["messagebus 0.16.1"] = "not installed; see --older"
    pace = QUICK if options.quick else THOROUGH
    loads = [workload(name) for name in options.workload or NAMES]
    for number in range(1, pace.processes + 1):
        for case in (case for load in loads for case in load.cases):
            _say(f"measuring {case.workload} {case.colour} ({number} of {pace.processes})")
            with Worker(versions.ours) as worker:
                asked = (case.workload, case.colour, asdict(pace), versions.older)
                found = worker.ask("take_turns", *asked)
            taken.add(Measurement(**each) for each in found["measurements"])
            taken.absent.update(found["absent"])
    for load in loads:
        if load.readings is not None:
            _say(f"reading {load.name}")
            taken.readings += load.readings(versions, options.quick)
    taken.machine["minutes"] = (time.monotonic() - began) / 60
    taken.write(options.output / "run.json")
    (options.output / "chart.svg").write_text(chart(taken), "utf-8")
    text = report(taken, "chart.svg")
    (options.output / "report.md").write_text(text, "utf-8")
    print(text)
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def compare_files(options: argparse.Namespace) -> int:
    """Compare two runs."""
    print(compare(Run.from_file(options.before), Run.from_file(options.after)))
    return 0


def page(options: argparse.Namespace) -> int:
    """Write a run into the documentation."""
    from .page import refresh

    refresh(options.page, Run.from_file(options.run))
    return 0


def main() -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    command = commands.add_parser("run", help=run.__doc__)
    command.add_argument("workload", nargs="*", help=f"by default all: {', '.join(NAMES)}")
    command.add_argument("--quick", action="store_true", help="take few rounds, for a first look")
    command.add_argument("--older", type=Path, help="folder of an installed messagebus 0.16.1")
    command.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to")
    command.set_defaults(do=run)

    command = commands.add_parser("compare", help=compare_files.__doc__)
    command.add_argument("before", type=Path, help="the run.json of one run")
    command.add_argument("after", type=Path, help="the run.json of another run")
    command.set_defaults(do=compare_files)

    command = commands.add_parser("page", help=page.__doc__)
    command.add_argument("run", type=Path, nargs="?", default=OUTPUT / "run.json")
    command.add_argument("--page", type=Path, default=PAGE)
    command.set_defaults(do=page)

    guard.add_to(commands)
    options = parser.parse_args()
    status: int = options.do(options)
    return status


if __name__ == "__main__":
    sys.exit(main())

"""The command line: what to read, where to write, and how to end."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Sequence

from ..bootstrap import open_shop
from .outcome import Tally
from .progress import Progress
from .report import report
from .run import run
from .source import Source, UnreadableError

_DESCRIPTION = """\
Run a small shop on commands that are read as JSON lines (UTF-8), one object in each line:

  {"command": "register_product", "sku": "TEA-1", "name": "Green tea", "stock": 9}
  {"command": "take_order", "order_id": "O-1", "lines": [{"sku": "TEA-1", "quantity": 2}]}
  {"command": "cancel_order", "order_id": "O-1"}
  {"command": "restock", "sku": "TEA-1", "quantity": 5}

A line that can not be handled is rejected, with its number and the reason, and changes nothing.
Blank lines are skipped. At the end tables show what happened.
"""

_EPILOG = """\
exit codes: 0 when every line was read, also if some were rejected; 1 when the output could not be
written; 2 when the arguments are wrong or the input can not be read; 130 when interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those of the command line, by default those of the process.

    Returns:
        The exit code.
    """
    source = Source.choose(_parser().parse_args(arguments).file)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A product may have a name that the encoding of the output can not spell.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        asyncio.run(_serve(source))
        sys.stdout.flush()
    except UnreadableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has left; what is still buffered is written at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


async def _serve(source: Source) -> None:
    shop = open_shop()
    tally = Tally()
    with Progress(sys.stderr) as progress:
        async for outcome in run(source.lines(), shop):
            tally.add(outcome)
            if outcome.reason is not None:
                progress.erase()
                command = f" ({outcome.command})" if outcome.command else ""
                print(f"line {outcome.number}{command} rejected: {outcome.reason}")
            progress.show(tally)
    print(f"\nCommands were read from {source}.\n")
    print(await report(tally, shop))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.shop",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="what to read; - for standard input; by default the file that comes with the shop",
    )
    return parser

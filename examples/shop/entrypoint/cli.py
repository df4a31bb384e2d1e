"""The command line: what to read, where to keep and to send, and how to end."""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from messagebus.exceptions import ConfigurationError

from ..bootstrap import Shop, open_shop
from .dispatch import PRINTED, UnsentError, send_the_rest, sending
from .outcome import Tally
from .progress import Progress
from .report import report
from .run import run
from .source import Source, UnreadableError

_DATABASE = "sqlite:///shop.sqlite"

_DESCRIPTION = """\
Run a small shop on commands that are read as JSON lines (UTF-8), one object in each line:

  {"command": "register_product", "sku": "TEA-1", "name": "Green tea", "stock": 9}
  {"command": "take_order", "order_id": "O-1", "lines": [{"sku": "TEA-1", "quantity": 2}]}
  {"command": "cancel_order", "order_id": "O-1"}
  {"command": "restock", "sku": "TEA-1", "quantity": 5}

A line that can not be handled is rejected, with its number and the reason, and changes nothing.
Blank lines are skipped. At the end tables show all that has happened in the database.

A run can be killed at any time. Started again, it goes on where it stopped: a line that was handled
is not handled again, what was published and not sent yet is sent. So the same file may be read
again when lines were added to it. A line is known by the name of the file and by all that stands
in it up to there; behind a line that was changed, every line is a new one.
"""

_EPILOG = """\
exit codes: 0 when every line was read, also if some were rejected; 1 when the output could not be
written or published messages could not be sent; 2 when the arguments are wrong, the input can not
be read, the database can not be used or something is not installed; 130 when interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those of the command line, by default those of the process.

    Returns:
        The exit code.

    Raises:
        ImportError: what the database or the stream needs is not installed.
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A product may have a name that the encoding of the output can not spell.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        asyncio.run(_serve(Source.choose(options.file), options.database, options.stream))
        sys.stdout.flush()
    except (UnreadableError, ConfigurationError, SQLAlchemyError) as error:
        return _fail(2, error)
    except UnsentError as error:
        return _fail(1, error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has left; what is still buffered is written at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


async def _serve(source: Source, database: str, stream: str) -> None:
    async with open_shop(database, stream) as shop:
        tally = await _handle(source, shop, printed=stream == PRINTED)
        unsent = None
        try:
            await send_the_rest(shop.relay)
        except UnsentError as error:
            unsent = error
        print(f"\nCommands were read from {source}.")
        if tally.handled_before:
            print(f"{tally.handled_before} of {tally.lines} had been handled by an earlier run.")
        print(f"The shop is kept in {make_url(database)}.\n")
        print(await report(shop))
    if unsent is not None:
        raise unsent


async def _handle(source: Source, shop: Shop, *, printed: bool) -> Tally:
    tally = Tally()
    with Progress(sys.stderr) as progress:
        logging.basicConfig(stream=progress, format="%(levelname)s: %(message)s")
        # What is printed shall not stand between the rejections.
        async with nullcontext() if printed else sending(shop.relay):
            async for outcome in run(source.lines(), shop):
                tally.add(outcome)
                if outcome.reason is not None:
                    progress.erase()
                    command = f" ({outcome.command})" if outcome.command else ""
                    print(f"line {outcome.number}{command} rejected: {outcome.reason}")
                progress.show(tally)
    return tally


def _fail(code: int, error: Exception) -> int:
    """Say on one line what went wrong, and below what may help."""
    reason = getattr(error, "orig", None) or error
    for line in (f"error: {' '.join(str(reason).split())}", *getattr(error, "__notes__", ())):
        print(line, file=sys.stderr)
    return code


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
    parser.add_argument(
        "--database",
        metavar="URL",
        default=_DATABASE,
        help="where to keep the shop: sqlite:///PATH or postgresql://USER@HOST/NAME; "
        f"{_DATABASE} by default, a file in the current directory",
    )
    parser.add_argument(
        "--stream",
        metavar="URL",
        default=PRINTED,
        help="where to send published messages, such as redis://HOST?stream=shop&create=true or "
        "nats://HOST?stream=SHOP&subject=shop.{name}&create=true; printed by default",
    )
    return parser

"""Run a shop on commands in JSON lines.

The lines are UTF-8 and look like these:

  {"command": "register_product", "sku": "T-1", "name": "Green tea", "stock": 9}
  {"command": "take_order", "order_id": "O-1",
   "lines": [{"sku": "T-1", "quantity": 2}]}            (all on one line)
  {"command": "cancel_order", "order_id": "O-1"}
  {"command": "restock", "sku": "T-1", "quantity": 5}

An invalid line is rejected with its number and the reason, and changes nothing.
On a terminal the output is for people, anywhere else it is JSON, one document a
line.

A run may be killed at any time. The next one skips the lines that were handled
and sends the events that were not sent. Lines may be appended to a file; after
a changed line, all lines count as new.

exit codes: 0 when every line was read, even if some were rejected; 1 when the
output was closed or events could not be sent; 2 for wrong arguments, an
unreadable file, an unusable database or a missing package; 130 after an
interrupt.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import sys
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from messagebus.adapters.factory import async_transport_from_url
from messagebus.exceptions import ConfigurationError

from .bootstrap import open_shop
from .lines import SHIPPED_FILE, Lines
from .report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those of the process by default.

    Returns:
        The exit code.

    Raises:
        ImportError: the driver of the database or the client of the stream is not installed.
    """
    options = _parser().parse_args(arguments)
    # The relay tries again by itself; the end of the run tells what it could not send.
    logging.getLogger("messagebus.relay").addHandler(logging.NullHandler())
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # products may have any name
    try:
        return asyncio.run(_run(options.file, options.database, options.stream))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # flushed again at exit
        return 1
    except (OSError, ConfigurationError, SQLAlchemyError) as error:
        problem = str(getattr(error, "orig", None) or error)  # without a link to SQLAlchemy's docs
        is_outage = isinstance(error, ConnectionError | TimeoutError)
        prefix = "error: unsent events stay in the outbox:" if is_outage else "error:"
        notes = getattr(error, "__notes__", ())
        print(f"{prefix} {' '.join(problem.split())}", *notes, sep="\n", file=sys.stderr)
        return 1 if is_outage else 2


async def _run(file: str, database: str, stream: str | None) -> int:
    lines = Lines(file)
    report = Report(lines.total)
    transport = async_transport_from_url(stream) if stream else report
    async with transport, open_shop(database, transport) as shop:
        relaying = asyncio.create_task(shop.relay.run())
        try:
            with report.progress:
                async for line in lines:
                    report.handled(line, await shop.handle(line))
        finally:
            shop.relay.stop()
            await relaying
        try:
            await shop.relay.drain()
        finally:
            await report.finished(shop.relay.engine)
        backlog = await shop.relay.outbox.backlog()
    if backlog.parked:
        print(f"error: events that could not be sent: {backlog.parked}", file=sys.stderr)
    return 1 if backlog.parked else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.shop",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        nargs="?",
        default=str(SHIPPED_FILE),
        help="JSON lines to read, or - for standard input (default: %(default)s)",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        default="sqlite:///shop.sqlite",
        help="sqlite:///PATH or postgresql://USER@HOST/NAME (default: %(default)s)",
    )
    parser.add_argument(
        "--stream",
        metavar="URL",
        help="where to send events, such as redis://HOST?stream=shop&create=true or "
        "nats://HOST?stream=SHOP&subject=shop.{name}&create=true (default: print them)",
    )
    return parser

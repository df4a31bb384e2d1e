"""The question before a command deletes or changes many messages."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from ..adapters.sqlalchemy import Selected, SyncOutbox
from .exit_code import ExitCode
from .output import complain, is_terminal, on_one_line, print_json
from .selection import selection


def refusal(outbox: SyncOutbox, options: Namespace, what: str, state: str) -> ExitCode | None:
    """Show what would be done and ask whether to do it, unless *options* say yes.

    Args:
        outbox: the outbox.
        options: the arguments, with the filters.
        what: what is to be done, such as ``purge``.
        state: the state of the messages.

    Returns:
        The exit status if it must not be done; otherwise None.
    """
    if options.yes and not options.dry_run:
        return None
    selected = outbox.select(state, matching=selection(options))
    line = _describe(selected, state)
    if options.dry_run:
        if options.json:
            print_json(asdict(selected))
        else:
            print(f"would {what} {line}")  # noqa: T201
        return ExitCode.OK
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        complain(f"would {what} {line}; nothing was done: add --yes")
        return ExitCode.USAGE
    if not selected.count:
        return None
    print(f"{what} {line}? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return None
    complain("nothing was done")
    return ExitCode.FAILED


def _describe(selected: Selected, state: str) -> str:
    if not selected.count:
        return f"0 {state} message(s)"
    done = "sent" if state == "sent" else "created"
    oldest, newest = on_one_line(selected.oldest), on_one_line(selected.newest)
    return f"{selected.count} {state} message(s), {done} from {oldest} to {newest}"

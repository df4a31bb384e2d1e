"""The question before a command deletes or changes many messages."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict

from ..adapters.sqlalchemy import Selected
from .exit_code import ExitCode
from .output import complain, is_terminal, on_one_line, print_json


def refusal(
    options: Namespace, what: str, select: Callable[[], Selected], noun: str, done: str
) -> ExitCode | None:
    """Show what would be done and ask whether to do it, unless *options* say yes.

    Args:
        options: the arguments.
        what: what is to be done, such as ``purge``.
        select: counts what the filters choose.
        noun: what that is, such as ``sent message``.
        done: what has been done at its time, such as ``sent``.

    Returns:
        The exit status if it must not be done; otherwise None.
    """
    if options.yes and not options.dry_run:
        return None
    selected = select()
    line = _describe(selected, noun, done)
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


def _describe(selected: Selected, noun: str, done: str) -> str:
    if not selected.count:
        return f"0 {noun}(s)"
    oldest, newest = on_one_line(selected.oldest), on_one_line(selected.newest)
    return f"{selected.count} {noun}(s), {done} from {oldest} to {newest}"

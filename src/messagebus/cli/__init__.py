"""The command line: run a relay, inspect and repair an outbox."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from .._error_text import with_advice
from ..exceptions import MessageBusError
from .arguments import parse
from .exit_code import ExitCode
from .output import complain

__all__ = ["ExitCode", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the arguments after the program name; by default those of the process.

    Returns:
        The exit status, a value of *ExitCode*.
    """
    options = parse(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        # Where the terminal has no such character, a message is shown nevertheless.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # Imported for its command only: `--help` needs no database library.
        module = import_module(f"{__name__}.{options.module}")
        code = int(module.run(options))
        if sys.stdout is not None:
            sys.stdout.flush()
    except (MessageBusError, ValueError) as error:
        complain(with_advice(error))
        return ExitCode.USAGE
    except BrokenPipeError:
        # The reader of the output has closed it, as `head` does; the end of Python flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except KeyboardInterrupt:
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001
        complain(f"unexpected {type(error).__name__}: {with_advice(error)}")
        return ExitCode.FAILED
    return code

"""The command line: run a relay, inspect and repair an outbox."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from ..exceptions import MessageBusError
from .arguments import parse
from .exit_code import ExitCode

__all__ = ["ExitCode", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the arguments after the program name; by default those of the process.

    Returns:
        The exit status, a value of *ExitCode*.
    """
    options = parse(arguments)
    try:
        # Imported for its command only: `--help` needs no database library.
        module = import_module(f"{__name__}.{options.module}")
        return int(module.run(options))
    except (MessageBusError, ValueError) as error:
        for line in (str(error), *getattr(error, "__notes__", ())):
            print(f"messagebus: {line}", file=sys.stderr)  # noqa: T201
        return ExitCode.USAGE
    except BrokenPipeError:
        # The reader of the output has closed it, as `head` does.
        sys.stderr.close()
        return ExitCode.OK

"""A parser of arguments that takes from the environment what the command line does not say."""

from __future__ import annotations

import os
import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from . import values
from .exit_code import ExitCode


@dataclass(frozen=True)
class _Option:
    flag: str
    convert: Callable[[str], Any]
    default: str | None
    required: bool

    @property
    def variable(self) -> str:
        return variable_of(self.flag)

    @property
    def destination(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")


class Parser(ArgumentParser):
    """Parses the arguments of one command.

    An option is taken from the command line, or else from its environment variable, or else from
    its default.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._options: list[_Option] = []
        self.set_defaults(parser=self)

    def option(
        self,
        flag: str,
        text: str,
        convert: Callable[[str], Any] = str,
        *,
        default: str | None = None,
        required: bool = False,
        **details: Any,
    ) -> None:
        """Add an option, which may also be set by an environment variable.

        Args:
            flag: the option, such as ``--batch-size``.
            text: its help, without the default and the variable.
            convert: converts its value.
            default: its value if nothing else gives one.
            required: whether it must be given.
            details: further arguments of *add_argument*.
        """
        if choices := details.get("choices"):
            convert = _one_of(choices)
        option = _Option(flag, convert, default, required)
        self._options.append(option)
        remark = "required" if required else default
        shown = text if remark is None else f"{text} ({remark})"
        details.pop("choices", None)
        if convert is values.truth:
            details["action"] = "store_true"
        else:
            details["type"] = convert
            details.setdefault("metavar", f"{{{','.join(choices)}}}" if choices else "TEXT")
        self.add_argument(flag, default=SUPPRESS, help=f"{shown} [{option.variable}]", **details)

    def complete(self, options: Namespace) -> None:
        """Set what the command line has not set."""
        missing = []
        for option in self._options:
            if option.destination in options:
                continue
            value = self._from_environment(option)
            if value is None and option.default is not None:
                value = option.convert(option.default)
            elif value is None and option.convert is values.truth:
                value = False
            if value is None and option.required:
                missing.append(f"{option.flag} (or {option.variable})")
            setattr(options, option.destination, value)
        if missing:
            self.error(f"missing: {', '.join(missing)}")

    def _from_environment(self, option: _Option) -> Any:
        text = os.environ.get(option.variable, "")
        if not text:
            return None
        try:
            return option.convert(text)
        except ArgumentTypeError as error:
            self.error(f"environment variable {option.variable}: {error}")

    def refuse_rest(self, arguments: Sequence[str]) -> None:
        """Refuse arguments that nothing has taken."""
        if arguments:
            # Their values are not repeated: they may be URLs.
            flags = [each.partition("=")[0] for each in arguments if each.startswith("-")]
            named = [flag for flag in flags if re.fullmatch(r"--?[\w-]+", flag)]
            which = ", ".join(named) or f"{len(arguments)} more than the command takes"
            self.error(f"unrecognized arguments: {which}")

    def error(self, message: str) -> NoReturn:
        """End the process; the message is one line and has no password."""
        line = without_passwords(" ".join(message.split()))
        self.exit(ExitCode.USAGE, f"messagebus: {line}; see {self.prog} --help\n")


def variable_of(flag: str) -> str:
    """Return the environment variable for an option."""
    return f"MESSAGEBUS_{flag.removeprefix('--').replace('-', '_').upper()}"


def without_passwords(text: str) -> str:
    """Return a text without what stands before the host in a URL."""
    return re.sub(r"://.*@", "://…@", text)


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in choices:
            problem = f"{text!r} is not one of {', '.join(choices)}"
            raise ArgumentTypeError(problem)
        return text

    return convert

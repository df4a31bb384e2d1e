"""From a line of text to a command."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from messagebus import Command, Message

from .wording import as_written, explain

# What every message has beside its own fields is given by the program, never by a line.
_ENVELOPE = Message.model_fields.keys()


class InvalidLineError(Exception):
    """A line that is no command.

    Attributes:
        command: the name of the command that it was meant to be; None if that is not known.
    """

    def __init__(self, reason: str, command: str | None = None) -> None:
        super().__init__(reason)
        self.command = command


class CommandReader:
    """Read commands, each a JSON object that names it: ``{"command": "restock", "sku": ...}``.

    Args:
        commands: the commands that there are.
    """

    def __init__(self, commands: Iterable[type[Command]]) -> None:
        self._commands = {_name_of(command): command for command in commands}

    def read(self, line: bytes) -> Command:
        """Read a line of UTF-8 text.

        Raises:
            InvalidLineError: it is no command; the text says why.
        """
        fields = _read_object(line)
        if "command" not in fields:
            reason = "command is missing"
            raise InvalidLineError(reason)
        name = fields.pop("command")
        if not isinstance(name, str):
            reason = f"command should be a text, not {as_written(name)}"
            raise InvalidLineError(reason)
        command = self._commands.get(name)
        if command is None:
            known = ", ".join(self._commands)
            reason = f"unknown command {as_written(name)}; there are {known}"
            raise InvalidLineError(reason)
        for field in filter(_ENVELOPE.__contains__, fields):
            reason = f"{field} is not a field of this command"
            raise InvalidLineError(reason, name)
        try:
            return command.model_validate(fields, strict=True)
        except ValidationError as error:
            raise InvalidLineError(explain(error), name) from error


def _name_of(command: type[Command]) -> str:
    name: str = command.model_fields["metadata"].default.name
    return name


def _read_object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8-sig").strip())
    except UnicodeDecodeError as error:
        reason = "not UTF-8"
        raise InvalidLineError(reason) from error
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
        raise InvalidLineError(reason) from error
    except (ValueError, RecursionError) as error:
        reason = "not JSON that can be read: a number is too long or it is nested too deep"
        raise InvalidLineError(reason) from error
    if not isinstance(value, dict):
        reason = f"not a JSON object: {as_written(value)}"
        raise InvalidLineError(reason)
    return value

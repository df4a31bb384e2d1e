"""``messagebus describe``: shows what the bus of an application handles."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from ..description import DescribedDependency, DescribedListener, Description, describe
from ..drawing import to_mermaid, to_svg
from ..exceptions import ConfigurationError
from ..serialization.wire import wire_type
from .application import load_bus
from .exit_code import ExitCode
from .output import on_one_line, print_json, print_table

_COLUMNS = ("kind", "message", "type", "published", "listener", "dependencies", "may raise")


def run(options: Namespace) -> ExitCode:
    """Describe the bus of an application, as a table, JSON or a drawing."""
    description = describe(load_bus(options.application))
    if options.output is None:
        _print(description, options)
        return ExitCode.OK
    try:
        with Path(options.output).open("w", encoding="utf-8") as file, redirect_stdout(file):
            _print(description, options)
    except OSError as error:
        text = f"The file {options.output!r} cannot be written: {error.strerror}"
        raise ConfigurationError(text) from error
    return ExitCode.OK


def _print(description: Description, options: Namespace) -> None:
    if options.json:
        print_json(description.as_dict())
    elif options.format == "table":
        print_table(_COLUMNS, [[*map(on_one_line, line)] for line in _lines(description)])
    elif options.format == "mermaid":
        sys.stdout.write(to_mermaid(description))
    else:
        sys.stdout.write(to_svg(description, options.application))


def _lines(description: Description) -> Iterator[Sequence[object]]:
    """Yield the lines of a table: one for each message and each of its listeners."""
    titles = description.titles
    listeners = {each.name: each for each in description.listeners}
    for message in description.messages:
        version = message.schema_version
        named = message.name and version is not None and wire_type(message.name, version)
        published = "yes" if message.published else "no"
        about: list[object] = [message.kind, titles[message.path], named or None, published]
        if not message.listeners:
            yield *about, "none", None, None
        for each in (listeners[name] for name in message.listeners):
            raises = ", ".join(titles[path] for path in each.raises)
            yield *about, _name(each), _dependencies(each), raises
            about = [None] * len(about)


def _name(listener: DescribedListener) -> str:
    return listener.name if listener.consumer is None else f"{listener.name} (consumer)"


def _dependencies(listener: DescribedListener) -> str:
    if listener.dependencies is None:
        return "unknown"
    return ", ".join(map(_dependency, listener.dependencies))


def _dependency(dependency: DescribedDependency) -> str:
    name = dependency.title
    return name if dependency.provider is None else f"{name}={dependency.provider}"

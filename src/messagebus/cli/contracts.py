"""``messagebus contracts``: writes the contract of an application, and checks its changes."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..contracts import Contract, Document, Place, asyncapi_document, compare, contract_of
from ..contracts.document import Action
from ..contracts.files import DOCUMENT, write_files
from ..exceptions import ConfigurationError
from .application import load_readers
from .exit_code import ExitCode
from .output import on_one_line, print_json, print_table

_COLUMNS = ("message", "field", "change", "breaks", "severity")
_SIDES: Mapping[Action, str] = {"send": "published", "receive": "consumed"}
_STANDARD_INPUT = "-"


def run(options: Namespace) -> ExitCode:
    """Run a command below ``contracts``."""
    return _write(options) if options.command == "write" else _check(options)


def _write(options: Namespace) -> ExitCode:
    """Write the contract of an application, and list its messages."""
    bus, deserializer = load_readers(options.application)
    contract = contract_of(
        bus, publishes=options.publishes, consumes=options.consumes, deserializer=deserializer
    )
    document = asyncapi_document(
        contract,
        options.application,
        published_to=Place.of(options.transport, "Transport"),
        consumed_from=Place.of(options.stream, "Source"),
    )
    files = write_files(Path(options.output), contract, document)
    if options.json:
        print_json({**_types_of(contract), "files": [str(each) for each in files]})
        return ExitCode.OK
    lines = [(side, each) for side, types in _types_of(contract).items() for each in types]
    print_table(("contract", "message"), [[*map(on_one_line, line)] for line in lines])
    return ExitCode.OK


def _types_of(contract: Contract) -> dict[str, list[str]]:
    return {
        "published": [each.type for each in contract.published],
        "consumed": [each.type for each in contract.consumed],
    }


def _check(options: Namespace) -> ExitCode:
    """Compare two contracts, and tell what the change breaks."""
    if options.old == options.new == _STANDARD_INPUT:
        text = "Only one of the two contracts can be read from standard input"
        raise ConfigurationError(text)
    old, new = _read(options.old), _read(options.new)
    changes = compare(old, new, options.mode)
    errors = sum(each.severity == "error" for each in changes)
    if options.json:
        listed = [each.as_dict() for each in changes]
        print_json({"mode": options.mode, "compatible": not errors, "changes": listed})
    else:
        lines = [
            (each.message, each.field, each.what, each.breaks, each.severity) for each in changes
        ]
        for each in _differing_transports(old, new):
            print(each)  # noqa: T201
        if lines:
            print_table(_COLUMNS, [[*map(on_one_line, line)] for line in lines])
        verdict = "not compatible" if errors else "compatible"
        counts = f"{errors} error(s), {len(changes) - errors} warning(s)"
        print(f"{verdict} ({options.mode}): {counts}")  # noqa: T201
    return ExitCode.INCOMPATIBLE if errors else ExitCode.OK


def _differing_transports(old: Document, new: Document) -> Iterator[str]:
    """Yield why all addresses and headers of one side may differ."""
    for action, side in _SIDES.items():
        known = [each.transports.get(action, set()) for each in (old, new)]
        if all(known) and known[0] != known[1]:
            before, after = (" and ".join(sorted(each)) for each in known)
            yield f"the transport of {side} messages differs: {before}, {after}"


def _read(name: str) -> Document:
    """Read the AsyncAPI document of a contract.

    Raises:
        ConfigurationError: it cannot be read, or is no such document.
    """
    path = Path(name)
    if path.is_dir():
        path /= DOCUMENT
    shown = "Standard input" if name == _STANDARD_INPUT else f"The file {str(path)!r}"
    try:
        text = sys.stdin.read() if name == _STANDARD_INPUT else path.read_text(encoding="utf-8")
        return Document(json.loads(text), shown)
    except OSError as error:
        problem = f"{shown} cannot be read: {error.strerror}"
        raise ConfigurationError(problem) from error
    except (ValueError, RecursionError) as error:
        problem = f"{shown} is no JSON: {error}"
        raise ConfigurationError(problem) from error

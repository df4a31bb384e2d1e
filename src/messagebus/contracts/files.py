"""The files of a contract: an AsyncAPI document, and JSON Schemas beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..exceptions import ConfigurationError
from .asyncapi import keys_of
from .contract import Contract
from .payloads import DIALECT, MODES, Schema

DOCUMENT = "asyncapi.json"
"""The name of the file with the AsyncAPI document."""

_FOLDER = "schemas"
_OURS = "Written by `messagebus contracts`."


def write_files(folder: Path, contract: Contract, document: dict[str, Any]) -> list[Path]:
    """Write the files of a contract, and delete the schemas of messages that are gone.

    Args:
        folder: the folder, which is made if it does not exist.
        contract: the contract.
        document: its AsyncAPI document.

    Returns:
        The files, that of the document first.

    Raises:
        ConfigurationError: a file cannot be written.
    """
    schemas = {folder / _FOLDER / name: each for name, each in _schemas_of(contract)}
    files = {folder / DOCUMENT: document, **schemas}
    try:
        (folder / _FOLDER).mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            text = json.dumps(content, indent=2, ensure_ascii=False)
            path.write_text(f"{text}\n", encoding="utf-8")
        for mode in MODES:
            for path in (folder / _FOLDER).glob(f"*.{mode}.json"):
                if path not in files and _OURS in path.read_text(encoding="utf-8"):
                    path.unlink()
    except OSError as error:
        text = f"The contract cannot be written to {str(folder)!r}: {error.strerror}"
        raise ConfigurationError(text) from error
    return [*files]


def _schemas_of(contract: Contract) -> Iterator[tuple[str, Schema]]:
    messages = {each.type: each for each in (*contract.published, *contract.consumed)}
    for title, key in keys_of(sorted(messages)).items():
        for mode in MODES:
            schema = messages[title].schema(mode)
            yield f"{key}.{mode}.json", {"$schema": DIALECT, "$comment": _OURS, **schema}

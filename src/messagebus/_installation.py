"""How this package was installed, and how to install it with an extra.

On the package index, its name belongs to another distribution, so a command must say from where.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_NAME = "messagebus"


def how_to_add(extra: str) -> str:
    """Return how to add an extra to the way in which this package was installed."""
    options = ""
    try:
        origin = _origin()
        url = origin["url"]
        if "dir_info" in origin:
            options = "-e " if origin["dir_info"].get("editable") else ""
            target = f"{_path_of(url)}[{extra}]"
        else:
            target = f"{_NAME}[{extra}] @ {_requirement_of(origin, url)}"
    except (AttributeError, ImportError, LookupError, OSError, TypeError, ValueError):
        # No record, one of another copy, or one in an unknown form.
        return f"add [{extra}] to the path or URL that {_NAME} is installed from"
    return f"run `pip install {options}{shlex.quote(target)}`"


def _origin() -> dict[str, Any]:
    """Return where the installer got this package from, as it has recorded it (PEP 610).

    Raises:
        LookupError: it was not recorded, or for another copy of the package only.
        ImportError: no such distribution is installed.
    """
    from importlib.metadata import distribution

    installed = distribution(_NAME)
    origin: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")
    here = Path(__file__).resolve()
    if origin.get("dir_info", {}).get("editable"):
        ours = here.is_relative_to(Path(_path_of(origin["url"])).resolve())
    else:
        ours = Path(str(installed.locate_file(f"{_NAME}/{here.name}"))).resolve() == here
    if not ours:
        raise LookupError(_NAME)
    return origin


def _path_of(url: str) -> str:
    from urllib.request import url2pathname  # slow to import, and rarely needed

    return url2pathname(urlsplit(url).path)


def _requirement_of(origin: dict[str, Any], url: str) -> str:
    """Return a URL that pip accepts for an origin that is no folder."""
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        url = f"{vcs['vcs']}+{url}@{vcs.get('requested_revision') or vcs['commit_id']}"
    subdirectory = origin.get("subdirectory")
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url

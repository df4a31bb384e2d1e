"""Instructions for adding an extra, in the way in which this package was installed.

The distribution may have another name than the package. On the public index, the name of the
package belongs to another distribution, so no command looks it up there.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_PACKAGE = "messagebus"


def how_to_add(extra: str) -> str:
    """Return how to add an extra to the way in which this package was installed."""
    options = ""
    try:
        distribution, origin = _installed()
        name = distribution.metadata["Name"]
        if "dir_info" in origin:
            options = "-e " if origin["dir_info"].get("editable") else ""
            target = f"{_path_of(origin['url'])}[{extra}]"
        elif origin or name == _PACKAGE:
            target = f"{name}[{extra}] @ {_requirement_of(origin, origin['url'])}"
        else:  # from an index
            target = f"{name}[{extra}]"
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        # No record, one of another copy, or one in an unknown form.
        return f"add [{extra}] to the path or URL that {_PACKAGE} is installed from"
    return f"run `pip install {options}{shlex.quote(target)}`"


def _installed() -> tuple[Distribution, dict[str, Any]]:
    """Return the distribution of this copy, and where the installer got it from (PEP 610).

    Raises:
        LookupError: none is recorded.
    """
    from importlib.metadata import distributions

    here = Path(__file__).resolve()
    file = f"{_PACKAGE}/{here.name}"
    for each in distributions():
        origin = json.loads(each.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            copy, recorded = Path(_path_of(origin["url"]), "src", file), file
        else:
            copy, recorded = Path(str(each.locate_file(file))), each.read_text("RECORD") or ""
        if file in recorded and copy.resolve() == here:
            return each, origin
    raise LookupError(_PACKAGE)


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

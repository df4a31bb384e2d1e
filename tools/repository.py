"""Links to files of the repository, from pages that are shown outside of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_CODE_OR_LINK = re.compile(
    r"^```.*?^```$|`[^`\n]*`"
    r"|\[(?P<label>(?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)]*)?\)",
    re.DOTALL | re.MULTILINE,
)


def replace_links(markdown: str, replace: Callable[[str, str, str], str]) -> str:
    """Replace the relative links of a page, outside of code.

    Args:
        markdown: the text of the page.
        replace: returns what stands for the label, the path and the anchor of a link.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["path"] is None:
            return found[0]
        return replace(found["label"], found["path"], found["anchor"] or "")

    return _CODE_OR_LINK.sub(replaced, markdown)


def address_of(project: Mapping[str, Any]) -> str | None:
    """Return the address of the repository, if the table `[project]` has one."""
    address: str | None = project.get("urls", {}).get("Repository")
    return address and address.rstrip("/")


def link_to(address: str | None, label: str, path: str, anchor: str = "") -> str:
    """Return a link to a file of the repository; without an address, only its label."""
    if address is None:
        return label
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"[{label}]({address}/{kind}/HEAD/{path}{anchor})"

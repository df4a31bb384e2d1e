"""The hooks of the site: what MkDocs adds to the pages of the documentation.

The pages stay plain Markdown, which forges show and the tests run. The site adds the README, the
API reference, the sync form of each block, and links to files outside of the documentation.
"""

from __future__ import annotations

import re
import tomllib
from functools import partial
from posixpath import dirname, join, normpath, relpath
from textwrap import indent
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from reference_pages import reference_pages
from repository import ROOT, address_of, link_to, replace_links
from sync_blocks import BLOCK, derive

README, OVERVIEW = "README.md", "overview.md"  # a page README.md would be the index of the site
STYLE = "site.css"
SECTION = re.compile(r"^## (?P<title>.*)\n(?P<entries>(?:(?!## ).*\n)*)", re.MULTILINE)
ENTRY = re.compile(r"\[(?P<title>[^\]]*)\]\((?P<path>[^)#:]*\.md)\)")
TABS = """\
===! "async"

    ```python
{}
    ```

=== "sync"

    ```python
{}
    ```"""

_state: dict[str, Any] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Set the address of the repository and the navigation, which is that of the index."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    config.repo_url = address_of(project)
    _state["reference"] = reference_pages(ROOT / "src")
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    sections = [
        {part["title"]: [{each["title"]: each["path"]} for each in ENTRY.finditer(part["entries"])]}
        for part in SECTION.finditer(index)
    ]
    config.nav = [
        {"Home": "index.md"},
        {"Overview": OVERVIEW},
        *sections,
        {"API": [*_state["reference"]]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in the folder of the documentation, and derive the sync forms."""
    files.append(File.generated(config, OVERVIEW, content=(ROOT / README).read_text("utf-8")))
    pages = {each.src_uri: each.content_string for each in files.documentation_pages()}
    _state["twins"] = derive(pages)
    files.append(File.generated(config, STYLE, abs_src_path=str(ROOT / "tools" / STYLE)))
    for path, text in _state["reference"].items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Adapt the links of a page, and show its blocks in both forms."""
    path = page.file.src_uri
    if path in _state["reference"]:
        return markdown
    linked = replace_links(markdown, partial(adapt, path, config.repo_url))
    return BLOCK.sub(lambda block: in_tabs(block["source"], path), linked)


def adapt(page: str, address: str | None, label: str, path: str, anchor: str) -> str:
    """Return a link for the site; what is not on the site is linked in the repository."""
    folder = "" if page == OVERVIEW else "docs"
    target = normpath(join(folder, dirname(page), path))
    if target == README:
        target = f"docs/{OVERVIEW}"
    if not target.startswith("docs/"):
        return link_to(address, label, target, anchor)
    return f"[{label}]({relpath(target.removeprefix('docs/'), dirname(page) or '.')}{anchor})"


def in_tabs(source: str, page: str) -> str:
    """Return a block in a tab beside its sync form, or alone if it has none."""
    twin = _state["twins"].get((page, source))
    if twin is None:
        return f"```python\n{source}```"
    return TABS.format(*(indent(form, "    ").rstrip("\n") for form in (source, twin)))

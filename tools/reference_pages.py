"""The pages of the API reference, from the docstrings of the public modules.

The source is read, not imported, so no extra need be installed. What several modules export is
described on one page, and linked from the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import griffe

PACKAGE = "messagebus"
FOLDER = "reference"

# The pages of the names of the package itself, by the room and the colour of their definition.
PARTS = {
    "domain.": "Messages and models",
    "service._async.": "The bus, async",
    "service._sync.": "The bus, sync",
    "": "Transactions and middleware",
    "serialization.": "Serialization",
    "facade.": "The facade",
}

HOMES = (f"{PACKAGE}.exceptions", f"{PACKAGE}.depends", PACKAGE)
"""The modules that describe what others export as well, in this order."""

OUTSIDE = {"pydantic.Field": "https://docs.pydantic.dev/latest/concepts/fields/"}
"""The documentation of what is exported here and defined elsewhere."""

ABOUT = """\
::: {module}
    options:
      members: false
      show_root_heading: false
      show_root_toc_entry: false
"""
DESCRIPTION = """\
::: {path}
    options:
      heading: {name}
      toc_label: {name}
"""
INDEX = """\
# API reference

Every public name, with its parameters, results and errors, from the docstrings.
What is not listed here is private, and may change in any version: see [Versions](../versioning.md).

## `messagebus`

{names}

## Other modules

{modules}
"""


def reference_pages(source: Path) -> dict[str, str]:
    """Return the text of each page by its path, for the package in the folder `source`.

    The pages are in the order of the navigation; the first one is the index.
    """
    package = griffe.load(PACKAGE, search_paths=[source])
    assert isinstance(package, griffe.Module)  # noqa: S101 - for type checkers
    modules = {module.path: module for module in public_modules(package)}
    homes = dict(OUTSIDE)
    texts = {title: [f"# {title}\n"] for title in PARTS.values()}
    for path in (*HOMES, *sorted(modules.keys() - set(HOMES))):
        links = {}
        if path != PACKAGE:
            texts[path] = [f"# `{path}`\n", ABOUT.format(module=path)]
        for name in public_names(modules[path]):
            target = target_of(modules[path], name)
            title = part_of(target) if path == PACKAGE else path
            if target in homes:
                links[name] = homes[target]
            else:
                # mkdocstrings would describe a submodule that has the name of something else.
                is_hidden = isinstance(modules[path].members[name], griffe.Module)
                shown = target if is_hidden else f"{path}.{name}"
                homes[target] = f"{file_of(title)}#{shown}"
                texts[title].append(DESCRIPTION.format(path=shown, name=name))
        if links and path != PACKAGE:  # all names of the package are in the index
            texts[path] += ["## Described elsewhere\n", *list_of(links)]
    names = {name: homes[target_of(package, name)] for name in public_names(package)}
    others = {title: file_of(title) for title in sorted(texts.keys() - set(PARTS.values()))}
    index = INDEX.format(names="\n".join(list_of(names)), modules="\n".join(list_of(others)))
    order = (*PARTS.values(), *others)
    pages = {f"{FOLDER}/{file_of(title)}": "\n".join(texts[title]) for title in order}
    return {f"{FOLDER}/index.md": index, **pages}


def public_modules(module: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a module and those in it, as far as they say what is public."""
    if module.exports is not None or module.path in HOMES:
        yield module
    for each in module.modules.values():
        if not each.is_alias and not each.name.startswith("_"):
            yield from public_modules(each)


def public_names(module: griffe.Module) -> list[str]:
    """Return the public names of a module; without `__all__`, those of its classes."""
    if module.exports is not None:
        return [str(name) for name in module.exports]
    return [name for name, each in module.classes.items() if not name.startswith("_")]


def target_of(module: griffe.Module, name: str) -> str:
    """Return the path of the definition of a name."""
    member = module[name]
    if isinstance(member, griffe.Module):  # a submodule, imported over by something else
        return module.imports[name]
    if not isinstance(member, griffe.Alias):
        return str(member.path)
    try:
        return str(member.final_target.path)
    except griffe.AliasResolutionError:
        return member.target_path


def part_of(target: str) -> str:
    """Return the title of the page for a name of the package."""
    room = target.removeprefix(f"{PACKAGE}.")
    return PARTS[max((part for part in PARTS if room.startswith(part)), key=len)]


def file_of(title: str) -> str:
    """Return the name of the file of a page."""
    return f"{title.lower().replace(',', '').replace(' ', '-')}.md"


def list_of(links: dict[str, str]) -> list[str]:
    """Return a list of links to code."""
    return [f"- [`{name}`]({link})" for name, link in links.items()]

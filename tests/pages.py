"""Runs the code of the documentation: each Python block of README.md and docs/ is a test.

The blocks of a page run in order. They share a module, so that ``bus.scan(__name__)`` works as in a
program, and an event loop, so that they may use ``await`` at their top level. In addition:

* a block whose first line is a comment with the path of a file is appended to that file, which
  later blocks can import;
* a test that a block defines is run, unless it takes fixtures: a later block runs pytest;
* a page starts in an empty folder, and the addresses of servers on *localhost* lead to servers that
  are started for the page;
* a block of the language ``output`` must equal the output of the Python block before it.
"""

from __future__ import annotations

import ast
import asyncio
import functools
import gc
import importlib
import inspect
import io
import re
import sys
import tempfile
from contextlib import ExitStack, chdir, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from .servers import NatsServer, PostgresServer, RedisServer

_SERVERS: dict[str, type[NatsServer | PostgresServer | RedisServer]] = {
    "nats://localhost:4222": NatsServer,
    "postgresql+psycopg://localhost/shop": PostgresServer,
    "redis://localhost:6379/0": RedisServer,
}
_FILE = re.compile(r"# (?P<path>[a-z0-9_/]+)\.py\n")


class Page:
    """The module, the files and the servers that the blocks of one page share.

    Args:
        path: the path of the page.
        form: the end of the name of the module. A bus checks all classes of its module, so two
            forms of a page have two.
    """

    def __init__(self, path: Path, form: str = "app") -> None:
        name = f"{path.stem.replace('-', '_')}_{form}"
        self.printed = ""
        self._path = path
        self._module = ModuleType(name)
        # Python 3.15 warns of a module whose specification has no loader, whenever it shows a line.
        del self._module.__spec__, self._module.__loader__
        self._modules = {name}
        self._on_close = ExitStack()
        self._loop = self._on_close.enter_context(asyncio.Runner())
        self._folder = self._on_close.enter_context(tempfile.TemporaryDirectory())
        self._urls: dict[str, str] = {}
        sys.modules[name] = self._module
        sys.path.insert(0, self._folder)

    def run(self, source: str, line: int = 0) -> None:
        """Run a block of Python below a line of a page, and the tests that it defines."""
        source = self._start_servers(source)
        file = _FILE.match(source)
        module = self._append(file["path"], source) if file else self._module
        # Empty lines keep the line numbers of the page.
        tree = ast.parse("\n" * line + source, self._path)
        code = compile(tree, self._path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        tests = [
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.name.startswith("test_")
            and not (node.args.args or node.decorator_list)
        ]
        with chdir(self._folder), redirect_stdout(io.StringIO()) as printed:
            self._wait_for(eval(code, vars(module)))  # noqa: S307 - the block is ours
            for test in tests:
                self._wait_for(getattr(module, test)())
        self.printed = printed.getvalue()

    def close(self) -> None:
        """Remove the modules, their engines, the files and the event loop."""
        for name in self._modules:
            module = sys.modules.pop(name, self._module)
            for each in vars(module).values():
                if isinstance(each, Engine | AsyncEngine):
                    self._wait_for(each.dispose())
            # The other form of a page defines modules of the same names, and a bus checks all
            # classes that live. From Python 3.14 on, the annotations of a class keep its module.
            vars(module).clear()
        sys.path.remove(self._folder)
        self._on_close.close()
        if len(self._modules) > 1:
            gc.collect()

    def _start_servers(self, source: str) -> str:
        """Start servers that are named for the first time; return the source with their URLs."""
        for address, server in _SERVERS.items():
            if address in source:
                if address not in self._urls:
                    self._urls[address] = self._on_close.enter_context(server()).url
                source = source.replace(address, self._urls[address])
        return source

    def _wait_for(self, result: Any) -> None:
        if inspect.iscoroutine(result):
            self._loop.run(result)

    def _append(self, path: str, source: str) -> ModuleType:
        """Append the source to a file, and return the file's module."""
        file = Path(self._folder, f"{path}.py")
        name = path.removesuffix("/__init__").replace("/", ".")
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            importlib.invalidate_caches()
            importlib.import_module(name)
            self._modules |= {name, name.partition(".")[0]}
        with file.open("a", encoding="utf-8") as end:
            end.write(source)
        return sys.modules[name]


def _page(example: Example) -> Page:
    if "page" not in example.namespace:
        example.namespace["page"] = Page(Path(example.path))
    page: Page = example.namespace["page"]
    return page


def _run(example: Example) -> None:
    _page(example).run(str(example.parsed), example.line + example.parsed.line_offset)


def _compare(example: Example) -> str | None:
    printed = _page(example).printed
    return None if example.parsed == printed else f"the block above printed {printed!r}"


def _close(namespace: dict[str, Any]) -> None:
    if "page" in namespace:
        namespace.pop("page").close()


@functools.cache
def names_a_server(page: Path) -> bool:
    """Tell whether a block of the page connects to a server."""
    source = page.read_text("utf-8")
    return any(address in source for address in _SERVERS)


@functools.cache
def starts_a_process(page: Path) -> bool:
    """Tell whether a block of the page runs a program, such as pytest."""
    return "import subprocess" in page.read_text("utf-8")


_PARSERS = [CodeBlockParser("python", _run), CodeBlockParser("output", _compare)]

collect_blocks = Sybil(
    path=str(Path(__file__).parents[1]),
    parsers=_PARSERS,
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    teardown=_close,
).pytest()


if __name__ == "__main__":  # runs a page of any place in a process of its own
    document = Document.parse(sys.argv[1], *_PARSERS)
    try:
        for each in document.examples():
            each.evaluate()
    finally:
        _close(document.namespace)

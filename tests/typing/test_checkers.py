"""Type checkers on the programs that users read: the documentation, the examples, the rules here.

mypy checks all of the repository as well; here both checkers see what a user sees: pages as
programs of their own, with the strict options of a new project.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import unasync

pytestmark = pytest.mark.slow
once = pytest.mark.skipif((3, 11) < sys.version_info[:2], reason="checked once, on Python 3.11")

COLOURS = ["async", "sync"]
ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "docs/tutorial.md",
    "docs/async-and-sync.md",
    "docs/concepts/dependencies.md",
    "docs/concepts/messages.md",
    "docs/concepts/models-and-repositories.md",
    "docs/facade/and-the-bus.md",
    "docs/facade/producer.md",
    "docs/facade/publisher.md",
    "docs/facade/service.md",
]
ASYNC_PAGES = [  # they run an event loop or name async classes of SQLAlchemy
    "docs/concepts/failing-handlers.md",
    "docs/concepts/middleware.md",
    "docs/durability/index.md",
    "docs/durability/relay.md",
    "docs/production.md",
]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([a-z_/]+)\.py\n")
CACHE = ["--cache-dir", str(Path(tempfile.gettempdir()) / "messagebus-test-mypy")]
PLUGIN_CACHE = [CACHE[0], f"{CACHE[1]}-plugin"]  # a change of plugins drops all of a cache
FUTURE = "from __future__ import annotations\n"
ERROR = re.compile(r"(\w+)[/\\](\w+)\.py:(\d+)\S* (?:- )?error")
WRONG = """\
transaction.uow.boks
transaction.uow.books.get(1)
number: int = book
await bus.handle("text", transaction)
await bus.handle(Register(id="1"), library)
bus.add_listener(Register, lambda command: None)
bus.add_listener(int, register)
bus.include(library)
Register(name="1")
AsyncMessageBus[Any](max_depth="3")
async_listen(no_message)
async_listen(no_unit_of_work)
AsyncAbstractRepository[int]
bus.override("clock", 1)
"""
PROGRAM = """
from typing import Any
from core import AsyncLibrary, Register, register
from messagebus import AsyncAbstractRepository, AsyncMessageBus, async_listen

async def no_message(number: int, uow: AsyncLibrary) -> None: ...
async def no_unit_of_work(command: Register) -> None: ...

async def main(bus: AsyncMessageBus[Any], library: AsyncLibrary) -> None:
    async with library as transaction:
        book = await bus.handle(Register(id="1"), transaction)
"""


def write_page(page: str, folder: Path) -> None:
    """Write the code of a page: its files, and all other blocks in a function."""
    blocks = BLOCK.findall((ROOT / page).read_text("utf-8"))
    assert blocks
    function = []
    for block in blocks:
        if file := FILE.match(block):
            path = folder / f"{file[1]}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent != folder:
                (path.parent / "__init__.py").touch()
            with path.open("a", encoding="utf-8") as opened:
                opened.write(f"{block}\n")
        else:
            function.append(block.replace(FUTURE, ""))
    body = textwrap.indent("\n".join(function), "    ")
    name = re.sub(r"[/.-]", "_", page.lower())
    (folder / f"{name}.py").write_text(f"{FUTURE}\nasync def page() -> None:\n{body}", "utf-8")


def convert(source: Path, target: Path) -> None:
    """Write the sync twin of the code below *source*."""
    names = {"async_listen": "sync_listen", "_async": "_sync"}
    rule = unasync.Rule(f"{source}/", f"{target}/", additional_replacements=names)
    unasync.unasync_files([str(each) for each in source.rglob("*.py")], [rule])
    for each in target.rglob("*.py"):
        text = each.read_text("utf-8").replace("import asyncio\n", "")
        each.write_text(re.sub(r"asyncio\.run\((.*)\)", r"\1", text), "utf-8")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the code of each page and the wrong program, for each colour."""
    folder = tmp_path_factory.mktemp("programs")
    source = folder / "async"
    source.mkdir()
    for page in PAGES:
        write_page(page, source)
    shutil.copy(ROOT / "tests" / "typing" / "_async" / "core.py", source / "core.py")
    (source / "wrong.py").write_text(PROGRAM + textwrap.indent(WRONG, " " * 8), "utf-8")
    convert(source, folder / "sync")
    for page in ASYNC_PAGES:
        write_page(page, source)
    return folder


def run(*command: str | Path, cwd: Path) -> str:
    """Return the output of a checker."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def found(request: pytest.FixtureRequest, programs: Path) -> str:
    """Return what a checker finds in all programs, with the strict options of a new project."""
    if request.param == "mypy":
        strict = ["mypy", "--strict", "--config-file=", *CACHE]
        return "".join(run(*strict, colour, cwd=programs) for colour in COLOURS)
    # One run for both colours: most of its time goes into reading the libraries.
    roots = {"executionEnvironments": [{"root": colour} for colour in COLOURS]}
    (programs / "pyrightconfig.json").write_text(json.dumps(roots), "utf-8")
    return run("pyright", "--pythonpath", sys.executable, cwd=programs)


@pytest.mark.parametrize("colour", COLOURS)
def test_the_code_of_the_pages_is_accepted(found: str, colour: str) -> None:
    """Both checkers find nothing in it; mypy with its strict options."""
    of_colour = [each for each in ERROR.findall(found) if each[0] == colour]
    checked_elsewhere = {"core", "wrong"}
    assert of_colour, found  # those of the wrong program: the checker has run
    assert not [each for each in of_colour if each[1] not in checked_elsewhere], found


@pytest.mark.parametrize("colour", COLOURS)
def test_each_line_of_a_wrong_program_is_refused(found: str, colour: str) -> None:
    """Both checkers name the line of each mistake, and no other."""
    lines = {int(line) for *file, line in ERROR.findall(found) if file == [colour, "wrong"]}
    begin = len(PROGRAM.splitlines()) + 1
    assert {*range(begin, begin + len(WRONG.splitlines()))} == lines, found


@pytest.mark.parametrize("colour", COLOURS)
def test_the_plugin_of_pydantic_accepts_the_first_pages(programs: Path, colour: str) -> None:
    """It knows messages and models as classes of pydantic, with the defaults of their fields."""
    (programs / "plugin.ini").write_text(
        "[mypy]\nplugins = pydantic.mypy\nstrict = True\n", "utf-8"
    )
    command = ["mypy", "--config-file=plugin.ini", *PLUGIN_CACHE]
    files = [f"{colour}/{name}.py" for name in ("readme_md", "docs_tutorial_md")]
    assert "Success" in (output := run(*command, *files, cwd=programs)), output


@once
def test_pyright_agrees_with_mypy_on_the_examples_and_the_rules() -> None:
    """Each accepts the right lines and refuses those that an ignore comment marks as wrong."""
    output = run("pyright", "--pythonpath", sys.executable, cwd=ROOT)
    assert "0 errors" in output, output


@once
def test_the_public_types_are_complete() -> None:
    """A user of pyright finds a declared type for at least 99 % of the public names."""
    options = ["--pythonpath", sys.executable, "--ignoreexternal", "--outputjson"]
    output = run("pyright", *options, "--verifytypes", "messagebus", cwd=ROOT)
    assert 0.99 <= json.loads(output)["typeCompleteness"]["completenessScore"], output

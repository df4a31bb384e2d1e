"""Scanning: the listeners that a bus finds in an application's modules."""

from __future__ import annotations

import gc
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from messagebus import AsyncMessageBus, ConfigurationError, ScanError
from tests._async.fakes import AsyncLibrary
from tests.library import BookBorrowed, BookRegistered, RegisterBook, Shelve

DEF = "async def"
LISTEN = "async_listen"
HEADER = f"""
from typing import Any
from messagebus import {LISTEN}
from tests.library import BookBorrowed, BookRegistered, RegisterBook, Shelve
"""


class Application:
    """Writes the modules of an importable application."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, source: str = "") -> None:
        """Write a module, given its path without the suffix."""
        path = self.folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + dedent(source))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """Return an application whose package is named pk."""
    monkeypatch.syspath_prepend(str(tmp_path))
    application = Application(tmp_path)
    application.write("pk/__init__")
    gc.collect()  # what is frozen while it is garbage would stay
    gc.freeze()  # what there is already need not be looked at below
    yield application
    for name in [name for name in sys.modules if name.partition(".")[0] == "pk"]:
        del sys.modules[name]
    # A message class stays alive in a cycle, and *check* would find it in a later test.
    gc.collect()


def names(bus: AsyncMessageBus[Any], event: type = BookRegistered) -> list[str]:
    """List the names of the listeners of an event."""
    return [listener.__name__ for listener in bus.events_registry.get(event, [])]


def listener(name: str, message: str = "BookRegistered") -> str:
    """Return the source of a listener."""
    return f"""
@{LISTEN}
{DEF} {name}(message: {message}, uow: Any) -> str:
    return "{name}"
"""


async def test_scan_finds_the_listeners_of_a_module(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Listeners are registered in the order of definition; other functions are ignored."""
    app.write("pk/handlers", listener("one") + listener("two") + f"{DEF} three(m, u): ...\n")

    bus.scan("pk.handlers")

    assert ["one", "two"] == names(bus)


async def test_scan_calls_an_overridden_add_listener(
    app: Application,
) -> None:
    """A subclass sees each listener and its type."""
    app.write("pk/handlers", listener("one"))
    added: list[tuple[Any, str]] = []

    class Telling(AsyncMessageBus[Any]):
        def add_listener(self, msg_type: Any, callback: Any, **options: Any) -> None:
            added.append((msg_type, callback.__name__))
            super().add_listener(msg_type, callback, **options)

    bus = Telling()
    bus.scan("pk")

    assert [(BookRegistered, "one")] == added
    assert ["one"] == names(bus)


async def test_scan_walks_packages(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """Modules and packages below a package are imported in the order of their names."""
    app.write("pk/handlers/__init__", listener("package"))
    app.write("pk/handlers/b", listener("b"))
    app.write("pk/handlers/a/__init__")
    app.write("pk/handlers/a/deep", listener("deep"))
    app.write("pk/handlers/__main__", "raise SystemExit('a program must not run')")

    bus.scan("pk.handlers")

    assert ["package", "deep", "b"] == names(bus)


async def test_scan_takes_several_modules(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """Modules are scanned in the given order."""
    app.write("pk/a", listener("a"))
    app.write("pk/b", listener("b"))

    bus.scan("pk.b", "pk.a")

    assert ["b", "a"] == names(bus)


async def test_scanning_again_changes_nothing(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """A scanned module is not registered again, alone or in its package."""
    app.write("pk/handlers", listener("one") + listener("shelve", "Shelve"))

    bus.scan("pk")
    bus.scan("pk", "pk.handlers")

    assert ["one"] == names(bus)
    assert [Shelve] == list(bus.commands_registry)


async def test_a_re_exported_listener_is_registered_once(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """A listener belongs to the module that defines it, not to those that import it."""
    app.write("pk/a", listener("one") + listener("shelve", "Shelve") + "alias = one\n")
    app.write("pk/b", "from pk.a import one, shelve\nfrom pk.a import one as other\n")

    bus.scan("pk")

    assert ["one"] == names(bus)


async def test_a_listener_created_by_another_module_is_registered(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """The listener of a factory or decorator belongs to the module that assigns it."""
    app.write(
        "pk/making",
        f"""
        def make(kind):
            @{LISTEN}
            {DEF} made(message: kind, uow: Any) -> None: ...
            return made

        def bare(function):
            {DEF} bared(message: BookRegistered, uow: Any) -> None: ...
            return bared
        """,
    )
    app.write(
        "pk/handlers",
        f"""
        from pk.making import bare, make

        made = make(BookBorrowed)

        @{LISTEN}
        @bare
        {DEF} other(message, uow): ...
        """,
    )
    app.write("pk/reexports", "from pk.handlers import *\n")

    bus.scan("pk")

    assert ["made"] == names(bus, BookBorrowed)
    assert ["bared"] == names(bus)


async def test_scan_finds_folders_that_are_no_packages(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """A folder of modules needs no *__init__.py*; one without modules is passed over."""
    app.write("pk/plain/deep/handlers", listener("one"))
    (app.folder / "pk" / "assets").mkdir()
    bus.scan("pk")
    assert ["one"] == names(bus)


@pytest.mark.parametrize("order", [("staticmethod", LISTEN), (LISTEN, "staticmethod")])
async def test_scan_finds_static_methods(
    app: Application, bus: AsyncMessageBus[Any], order: tuple[str, str]
) -> None:
    """Classes may group listeners, whichever decorator is above the other; also nested classes."""
    method = f"""
            @{order[0]}
            @{order[1]}
            {DEF} NAME(message: BookRegistered, uow: Any) -> None: ...
"""
    source = "\n        class Handlers:" + method.replace("NAME", "one")
    source += "\n            class Inner:" + method.replace("NAME", "two").replace("\n", "\n    ")
    app.write("pk/handlers", source)
    bus.scan("pk")
    assert ["one", "two"] == names(bus)


async def test_scan_finds_what_decorators_make_of_classes(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """A dataclass with slots is a class anew; an enum keeps its static methods."""
    source = "\n        import dataclasses, enum\n        from typing import TYPE_CHECKING\n"
    for head, name in (
        ("@dataclasses.dataclass(slots=True)\n        class Slotted", "one"),
        ("class Kinds(enum.Enum)", "two"),
        ("if TYPE_CHECKING", "three"),
        ("class Base", "four"),
    ):
        decorator = "" if name == "three" else "@staticmethod"
        source += f"""
        {head}:
            {decorator}
            @{LISTEN}
            {DEF} {name}(message: BookRegistered, uow: Any) -> None: ...
"""
    app.write("pk/handlers", source + "\n        class Derived(Base): ...\n")
    bus.scan("pk")
    assert ["one", "two", "four"] == names(bus)


async def test_scan_does_not_run_a_program(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """Importing *__main__* would run it."""
    app.write("pk/__main__", "raise SystemExit")
    app.write("pk/handlers", listener("one"))
    bus.scan("pk")
    assert ["one"] == names(bus)


async def test_scan_finds_the_listeners_of_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Python imports packages from archives, too."""
    app.write("pk/handlers", listener("one"))
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path, "pk")
    shutil.rmtree(tmp_path / "pk")
    monkeypatch.syspath_prepend(archive)
    bus.scan("pk")
    assert ["one"] == names(bus)


async def test_scan_finds_a_class_once(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """A class that another module imports belongs to the module that defines it."""
    app.write(
        "pk/handlers",
        f"""
        class Handlers:
            @staticmethod
            @{LISTEN}
            {DEF} one(message: BookRegistered, uow: Any) -> None: ...
        """,
    )
    app.write("pk/more", "from pk.handlers import Handlers, Handlers as Again")
    bus.scan("pk")
    assert ["one"] == names(bus)


@pytest.mark.parametrize("name", ["one", "_one", "__call__"])
async def test_scan_refuses_a_marked_method(
    app: Application, bus: AsyncMessageBus[Any], name: str
) -> None:
    """A bus has no object to call it on; the error says what to do."""
    app.write(
        "pk/handlers",
        f"""
        class Handlers:
            @{LISTEN}
            {DEF} {name}(self, message: BookRegistered, uow: Any) -> None: ...
        """,
    )
    with pytest.raises(ConfigurationError, match="is a method") as caught:
        bus.scan("pk")
    assert "@staticmethod" in caught.value.__notes__[0]


async def test_scan_counts_a_wrapper_and_its_listener_once(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """*functools.wraps* copies the mark; the listener counts while its module names it."""
    app.write(
        "pk/handlers",
        f"""
        import functools

        def logged(function):
            @functools.wraps(function)
            {DEF} wrapper(*args): ...
            return wrapper

        @{LISTEN}
        {DEF} one(message: BookRegistered, uow: Any) -> None: ...

        with_log = logged(one)

        @logged
        @{LISTEN}
        {DEF} two(message: BookBorrowed, uow: Any) -> None: ...
        """,
    )
    bus.scan("pk")
    handlers = sys.modules["pk.handlers"]
    assert {
        BookRegistered: [handlers.one],
        BookBorrowed: [handlers.two],
    } == bus.events_registry


async def test_a_listener_that_another_one_replaces_is_refused(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """A module has one thing of each name, so the first would never be called."""
    app.write("pk/handlers", listener("one") + listener("one", "BookBorrowed"))
    with pytest.raises(ConfigurationError, match=r"named pk\.handlers\.one is defined already"):
        bus.scan("pk")


async def test_a_wrapper_may_replace_its_listener(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """It calls the listener, so none is lost."""
    source = f"""
        import functools

        def logged(function):
            @functools.wraps(function)
            {DEF} wrapper(*args): ...
            return wrapper

        one = {LISTEN}({LISTEN}(logged(one)))
        """
    app.write("pk/handlers", listener("one") + dedent(source))
    bus.scan("pk")
    assert ["one"] == names(bus)


async def test_a_module_that_was_reloaded_defines_new_listeners(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """The functions from before stay registered until they are removed; a new bus is the way."""
    app.write("pk/handlers", listener("one"))
    bus.scan("pk.handlers")
    importlib.reload(sys.modules["pk.handlers"])
    bus.scan("pk.handlers")
    assert ["one", "one"] == names(bus)
    anew: AsyncMessageBus[Any] = AsyncMessageBus()
    anew.scan("pk.handlers")
    assert [sys.modules["pk.handlers"].one] == anew.events_registry[BookRegistered]


async def test_scan_runs_no_code_of_a_module_attribute(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Proxies and lazy objects may fail or start to work when they are accessed."""
    app.write(
        "pk/handlers",
        """
        class Proxy:
            def __getattribute__(self, name):
                raise RuntimeError("used outside of a request")

            __dict__ = __class__ = __module__ = property(__getattribute__)

        request = Proxy()
        """,
    )
    app.write("pk/more", listener("one"))

    bus.scan("pk")

    assert ["one"] == names(bus)


async def test_scan_ignores_modules_that_only_share_a_prefix(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Scanning pk.order does not register pk.orders."""
    app.write("pk/order", listener("order"))
    app.write("pk/orders", listener("orders"))
    app.write("pk/user", "import pk.orders\n")

    bus.scan("pk.user", "pk.order")

    assert ["order"] == names(bus)


async def test_annotations_may_be_strings(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """Postponed annotations, unions included, are resolved."""
    path = app.folder / "pk" / "handlers.py"
    path.write_text(
        "from __future__ import annotations\n"
        + HEADER
        + listener("one")
        + listener("two", "BookRegistered | BookBorrowed")
        + f"@{LISTEN}\n{DEF} three(event: BookBorrowed, uow: Unknown): ...\n"
    )

    bus.scan("pk.handlers")

    assert ["one", "two"] == names(bus)
    assert ["two", "three"] == names(bus, BookBorrowed)


async def test_a_scanned_handler_handles(app: Application, bus: AsyncMessageBus[Any]) -> None:
    """Handle calls a scanned listener."""
    app.write("pk/handlers", listener("shelve", "Shelve"))
    bus.scan("pk")

    async with AsyncLibrary() as transaction:
        assert "shelve" == await bus.handle(Shelve(), transaction)
        await transaction.commit()


@pytest.mark.parametrize("name", [".handlers", "..", "."])
def test_a_relative_name_is_refused(bus: AsyncMessageBus[Any], name: str) -> None:
    """Only an absolute name identifies a module."""
    with pytest.raises(ValueError, match="relative package unsupported") as caught:
        bus.scan(name)

    assert f"scan error: relative package unsupported for {name}" == str(caught.value)
    assert isinstance(caught.value, ScanError)
    assert name == caught.value.module


async def test_an_import_error_in_a_scanned_module_is_raised(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """The error of an import is not swallowed."""
    app.write("pk/handlers/__init__")
    app.write("pk/handlers/broken", "import not_there_at_all\n")

    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        bus.scan("pk.handlers")


def test_a_module_is_scanned_by_its_name(bus: AsyncMessageBus[Any]) -> None:
    """The module itself is refused with an error that says so."""
    module: Any = sys
    with pytest.raises(ConfigurationError, match="not the name of a module"):
        bus.scan(module)


def test_an_unknown_module_is_an_error(bus: AsyncMessageBus[Any]) -> None:
    """It raises the same error as an import."""
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        bus.scan("not_there_at_all")


async def test_two_handlers_of_a_command_are_refused_by_scan(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Two handlers of one command are an error, even in different modules."""
    app.write("pk/a", listener("one", "Shelve"))
    app.write("pk/b", listener("two", "Shelve"))

    with pytest.raises(ConfigurationError, match="Shelve'> command has been registered twice"):
        bus.scan("pk")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ("int", "Invalid usage of the listen decorator: type <class 'int'>"),
        ("'Unknown'", "Unknown"),
        ("", "annotation"),
    ],
)
async def test_a_listener_without_a_message_annotation_is_refused(
    app: Application, bus: AsyncMessageBus[Any], annotation: str, text: str
) -> None:
    """The first parameter must be annotated with a command or an event."""
    hint = f": {annotation}" if annotation else ""
    app.write("pk/a", f"@{LISTEN}\n{DEF} one(message{hint}, uow): ...\n")

    with pytest.raises(ConfigurationError, match=text):
        bus.scan("pk")


async def test_a_removed_listener_can_be_scanned_again(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Removing also removes the record of the scan."""
    app.write("pk/a", listener("one"))
    bus.scan("pk")
    bus.remove_listener(BookRegistered, bus.events_registry[BookRegistered][0])
    assert [] == names(bus)

    bus.scan("pk")

    assert ["one"] == names(bus)


async def test_check_names_the_commands_without_a_handler(
    app: Application, bus: AsyncMessageBus[Any]
) -> None:
    """Every command of the application's packages needs a handler; base classes need none."""
    app.write(
        "pk/messages",
        """
        from abc import ABC, abstractmethod
        from messagebus import Command, Metadata

        class Base(Command):
            pass

        class Abstract(Base, ABC):
            metadata: Metadata = Metadata(name="abstract", schema_version=1)

            @abstractmethod
            def cost(self) -> int: ...

        class Handled(Base):
            metadata: Metadata = Metadata(name="handled", schema_version=1)

        class Forgotten(Base):
            metadata: Metadata = Metadata(name="forgotten", schema_version=1)
        """,
    )
    app.write(
        "pk/handlers",
        "from pk.messages import Handled\n" + listener("handle", "Handled"),
    )
    bus.scan("pk")

    for mods in [(), ("pk",), ("pk.messages",)]:
        with pytest.raises(ConfigurationError) as caught:
            bus.check(*mods)
        assert ("<class 'pk.messages.Forgotten'> command has no handler",) == caught.value.problems
    bus.check("pk.handlers")


async def test_check_names_mistakes_in_dependencies() -> None:
    """It reports missing and unused dependencies."""

    class Tracker:
        """A dependency."""

    async def register(command: RegisterBook, uow: Any, tracker: Tracker, clock: Any) -> None:
        """Take two dependencies."""

    async def registered(event: BookRegistered, uow: Any, optional: Any = None) -> None:
        """Take an optional dependency."""

    bus: AsyncMessageBus[Any] = AsyncMessageBus(clock=Tracker, trakcer=Tracker)
    bus.add_listener(RegisterBook, register)
    bus.add_listener(BookRegistered, registered)

    with pytest.raises(ConfigurationError) as caught:
        bus.check("nothing")

    first, second = caught.value.problems
    assert "register asks for the dependency 'tracker', which is unknown" in first
    assert "the dependency 'trakcer' is asked for by no listener" == second
    assert first in str(caught.value)
    assert second in str(caught.value)


async def test_check_accepts_a_bus_without_mistakes() -> None:
    """Dependencies may come from the bus, from the call, or from a default."""

    async def register(command: RegisterBook, uow: Any, tracker: Any, clock: Any) -> None:
        """Take two dependencies."""

    bus: AsyncMessageBus[Any] = AsyncMessageBus(clock=dict)
    bus.add_listener(RegisterBook, register)

    bus.check("nothing", given=["tracker"])
    assert BookBorrowed not in bus.events_registry

"""The conversion of one file, and the source that it refuses."""

from __future__ import annotations

from textwrap import dedent

import pytest

from .project import RULE, Project

GOLDEN = {
    "keywords": (
        "",
        """
        async def first(stream):
            async with stream as opened:
                async for item in opened:
                    return await item.value
            return [await(x) async for x in stream]
        """,
        """
        def first(stream):
            with stream as opened:
                for item in opened:
                    return item.value
            return [x for x in stream]
        """,
    ),
    "names that unasync knows": (
        "",
        """
        from collections.abc import AsyncIterator
        from contextlib import asynccontextmanager


        @asynccontextmanager
        async def bus() -> AsyncIterator[int]:
            yield 1


        class Reader:
            async def __aenter__(self): ...
        """,
        """
        from collections.abc import Iterator
        from contextlib import contextmanager


        @contextmanager
        def bus() -> Iterator[int]:
            yield 1


        class Reader:
            def __enter__(self): ...
        """,
    ),
    "classes, public and private": (
        "",
        """
        class AsyncBus(_AsyncBase, __AsyncRoot):
            kind = "_AsyncBase"
        """,
        """
        class SyncBus(_SyncBase, __SyncRoot):
            kind = "_SyncBase"
        """,
    ),
    "names and whole strings by rows": (
        """
        [replacements]
        async_listen = "sync_listen"
        "sqlite+aiosqlite" = "sqlite"
        """,
        """
        scheme = async_listen("sqlite+aiosqlite")
        names = ["async_listen", 'async_listen']
        """,
        """
        scheme = sync_listen("sqlite")
        names = ["sync_listen", "sync_listen"]
        """,
    ),
    "other strings stay": (
        """
        [replacements]
        aio = "blocking"
        "an async one" = "an async one"
        """,
        """
        texts = [aio, "asynchrony", "an async one", r"aio2"]
        """,
        """
        texts = [blocking, "asynchrony", "an async one", r"aio2"]
        """,
    ),
    "prose": (
        r"""
        [replacements]
        aclose = "close"
        [prose]
        '\b(async|await) ' = ''
        '\b([Aa])synchronous\b' = '\1 synchronous'
        '\b[Aa] synchronous\b' = 'synchronous'
        """,
        '''
        """Use an AsyncBus or an `_AsyncBus`; it is asynchronous."""

        # One async with block: await aclose(), AsyncIterator.
        aclose = 1
        """An ant is not an AsyncBus."""


        class AsyncBus:
            """An AsyncBus is what it is. This is an

            AsyncBus too.
            """
        ''',
        '''
        """Use a SyncBus or a `_SyncBus`; it is synchronous."""

        # One with block: close(), Iterator.
        close = 1
        """An ant is not a SyncBus."""


        class SyncBus:
            """A SyncBus is what it is. This is a

            SyncBus too.
            """
        ''',
    ),
    "imports are sorted again, doubles and unused ones dropped": (
        """
        [replacements]
        aio = "threads"
        """,
        """
        from __future__ import annotations

        import os
        from collections.abc import AsyncIterator, Iterator

        from .aio import sleep
        from .base import Base

        __all__ = ["AsyncBus", "Base", "Reader", "sleep"]


        class AsyncBus(Base):
            async def read(self) -> AsyncIterator[Iterator]: ...
        """,
        """
        from __future__ import annotations

        from collections.abc import Iterator

        from .base import Base
        from .threads import sleep

        __all__ = ["Base", "Reader", "SyncBus", "sleep"]


        class SyncBus(Base):
            def read(self) -> Iterator[Iterator]: ...
        """,
    ),
    "the source is formatted as the project says, and so is the twin": (
        "",
        """
        async def f(g):
            return await g("a string that makes the line", 'rather long')
        """,
        """
        def f(g):
            return g("a string that makes the line", "rather long")
        """,
    ),
    "an empty file": ("", "", ""),
}


@pytest.mark.parametrize(("config", "source", "twin"), GOLDEN.values(), ids=GOLDEN)
def test_a_source_is_converted(project: Project, config: str, source: str, twin: str) -> None:
    """Each kind of conversion gives exactly the expected twin."""
    project.write("unasync.toml", f"{dedent(config)}\n{RULE}")
    project.write("pk/_async/a.py", source)

    status = project.generate()

    assert (0, "") == (status, project.err)
    assert dedent(twin).lstrip("\n") == project.twin()


REFUSED = {
    "a class in an f-string": ("x = 1\ny = f'{AsyncBus.name}'\n", "a.py:2: 'AsyncBus' within"),
    "text in an f-string": ("x = f'an AsyncBus is {0}'\n", "a.py:1: 'AsyncBus' within"),
    "await in an f-string": (
        "async def f(g):\n    return f'{await g}'\n",
        "a.py:2: 'await' within",
    ),
    "a string in an f-string": ("x = f'{d[\"AsyncBus\"]}'\n", "a.py:1: 'AsyncBus' within"),
    "not Python": ("x = 1\nx = = 1\n", "a.py:2: invalid syntax"),
    "asyncio": ("import asyncio\n\nx = asyncio.sleep\n", "'asyncio' is left in the twin: import"),
    "Awaitable": ("x: Awaitable[int]\n", "'Awaitable' is left in the twin: x: Awaitable[int]"),
    "aiter": ("x = aiter(y)\n", "'aiter' is left in the twin"),
    "a name of its own": ("x = create_async_engine()\n", "'create_async_engine' is left"),
    "a class with a prefix": ("x = MyAsyncBus()\n", "'MyAsyncBus' is left in the twin"),
    "AsyncExitStack": ("x = AsyncExitStack()\n", "'SyncExitStack' is left in the twin"),
    "a string": ("x = 'the AsyncBus'\n", "'AsyncBus' is left in the twin: x = \"the AsyncBus\""),
    "a docstring": ('"""One.\n\nAwait it.\n"""\n', "'Await' is left in the twin: Await it."),
    "a comment": ("x = 1  # a coroutine\n", "'coroutine' is left in the twin: x = 1  # a"),
}


@pytest.mark.parametrize(("source", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_converted_is_refused(project: Project, source: str, reason: str) -> None:
    """The problem is reported with its file, and nothing is written."""
    project.write("pk/_async/a.py", source)
    project.write("pk/_async/b.py", "x = 1\n")
    before = project.files()

    assert 1 == project.generate()
    assert f"pk/_async/{reason}" in project.err or f"pk/_async/a.py: {reason}" in project.err
    assert before == project.files()


def test_all_refusals_are_told_at_once(project: Project) -> None:
    """One run reports every file with a problem, each on a line."""
    project.write("pk/_async/a.py", "x = f'{AsyncBus}'\n")
    project.write("pk/_async/b.py", "x = = 1\n")
    project.write("pk/_async/c.py", "x = f'{AsyncBus}'\n")

    project.generate()

    lines = project.err.splitlines()
    assert [f"pk/_async/{name}.py" for name in "abc"] == [line.split(":")[0] for line in lines]


def test_braces_in_an_f_string_survive(project: Project) -> None:
    """An f-string without colour is copied unchanged on every version of Python."""
    project.write("pk/_async/a.py", """x = f"{{{name!r:>{width}}}} {name=}"\n""")

    project.generate()

    assert """x = f"{{{name!r:>{width}}}} {name=}"\n""" == project.twin()

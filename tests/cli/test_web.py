"""The page as a process: who may see it, how it ends, and what it refuses."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import Engine

from messagebus.cli import ExitCode, main
from tests._sync.adapters.sqlalchemy.shelves import publish
from tests._sync.adapters.sqlalchemy.test_dead_letters import bury
from tests.cli.conftest import Start
from tests.library import BookBorrowed

on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
PROGRAM = """
import sys
from typing import Any
from messagebus import AsyncMessageBus
from messagebus.adapters.sqlalchemy import AsyncSQLAlchemyUnitOfWork, prepare_sqlite
from sqlalchemy.ext.asyncio import create_async_engine
from tests.library import BookBorrowed

engine = prepare_sqlite(create_async_engine({url!r}))
bus = AsyncMessageBus()
app = sys.modules[__name__]

async def hear(event: BookBorrowed, uow: Any) -> None:
    print("heard", event.id, flush=True)

bus.add_listener(BookBorrowed, hear)

def unit_of_work():
    return AsyncSQLAlchemyUnitOfWork(engine)
"""


def link_of(page: subprocess.Popen[str]) -> str:
    """Return the link that the page prints when it can be opened."""
    assert page.stdout is not None
    link = page.stdout.readline().strip()
    if not link:
        assert page.stderr is not None
        raise AssertionError(page.stderr.read())
    return link


def test_the_link_works_once_and_then_the_cookie(url: str, engine: Engine, start: Start) -> None:
    """Whoever sees the link later, in a history for example, sees nothing."""
    publish(engine, "1")
    page = start("web", f"--database={url}", "--port=0")
    link = link_of(page)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", link)
    root = link.partition("?")[0]
    assert 403 == httpx.get(root).status_code
    assert 403 == httpx.get(f"{root}?token=x").status_code
    with httpx.Client(follow_redirects=True) as browser:
        opened = browser.get(link)
        assert (200, root) == (opened.status_code, str(opened.url))
        assert "<strong>1</strong> pending" in opened.text
        assert "token=" not in opened.text
        cookie = opened.history[0].headers["set-cookie"]
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert 200 == browser.get(f"{root}messages").status_code
        foreign = {"host": "evil.example"}
        assert 400 == browser.get(f"{root}messages", headers=foreign).status_code
    assert 403 == httpx.get(link).status_code

    page.send_signal(signal.SIGTERM)
    output, log = page.communicate(timeout=60)
    assert ExitCode.OK == page.returncode
    assert "" == output
    token = link.partition("token=")[2]
    assert token not in log
    assert "stopping on SIGTERM" in log


@on_sqlite
def test_dead_letters_are_replayed_with_the_application(
    url: str, engine: Engine, tmp_path: Path, start: Start
) -> None:
    """It is found as `messagebus consume` finds it."""
    (letter,) = bury(engine, BookBorrowed(id="7"))
    async_url = url.replace("sqlite:", "sqlite+aiosqlite:")
    (tmp_path / "shop.py").write_text(
        PROGRAM.format(url=async_url) + "app = __import__('sys').modules['shop']"
    )
    root = str(Path(__file__).parents[2])
    paths = f"{tmp_path}:{root}:{root}/src"
    page = start("web", f"--database={url}", "--port=0", "--app=shop:app", PYTHONPATH=paths)
    link = link_of(page)
    with httpx.Client(follow_redirects=True, base_url=link.partition("?")[0]) as browser:
        browser.get(link)
        form = browser.get(f"/letters/{letter.position}").text
        token = re.search(r'name="form_token" value="([^"]+)"', form)
        assert token is not None
        data = {"form_token": token[1], "positions": str(letter.position)}
        done = browser.post("/letters/replay", data=data)
    assert "1 handled, 0 failed again" in done.text
    assert page.stdout is not None
    assert "heard 7\n" == page.stdout.readline()


@on_sqlite
def test_an_application_of_the_other_colour_has_its_map(
    url: str, engine: Engine, tmp_path: Path, start: Start
) -> None:
    """Its dead letters are for the command line, which the page says."""
    (letter,) = bury(engine, BookBorrowed(id="7"))
    database = f"sqlite:///{tmp_path / 'shipping.db'}"
    app = "--app=examples.shipping.app:app"
    page = start("web", f"--database={url}", "--port=0", app, SHIPPING_DATABASE=database)
    link = link_of(page)
    with httpx.Client(follow_redirects=True, base_url=link.partition("?")[0]) as browser:
        browser.get(link)
        assert "plan_shipment" in browser.get("/map").text
        text = browser.get(f"/letters/{letter.position}").text
    assert "messagebus deadletters replay APP" in text


@on_sqlite
def test_a_second_signal_ends_it_at_once(url: str, engine: Engine, start: Start) -> None:
    """The first one lets requests end, for which a slow browser may keep it waiting."""
    page = start("web", f"--database={url}", "--port=0")
    link = link_of(page)
    host, port = re.findall(r"//(.*):(\d+)/", link)[0]
    cookie = httpx.get(link).headers["set-cookie"].partition(";")[0]
    request = (
        f"POST /messages/replay HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(request.encode())
        assert b"100 Continue" in slow.recv(100)  # and now the page waits for the form
        page.send_signal(signal.SIGINT)
        assert page.stderr is not None
        while "stopping on SIGINT" not in page.stderr.readline():
            assert page.poll() is None
        page.send_signal(signal.SIGINT)
        page.communicate(timeout=60)
    assert ExitCode.INTERRUPTED == page.returncode


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--app=shop"], "does not name an application"),
        (["--host=192.0.2.1"], "cannot listen on 192.0.2.1, port 8765"),
    ],
)
def test_what_cannot_work_is_refused(
    engine: Engine, url: str, arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is served, on one line."""
    assert ExitCode.USAGE == main(["web", f"--database={url}", *arguments])
    assert problem in capsys.readouterr().err


@on_sqlite
def test_a_port_that_is_taken_is_told(
    engine: Engine, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the options that choose another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert ExitCode.USAGE == main(["web", f"--database={url}", f"--port={port}"])
    error = capsys.readouterr().err
    assert f"port {port}: Address already in use" in error
    assert "--port" in error


def test_a_database_without_the_tables_has_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither has a file that does not exist, nor a server that is away."""
    sqlite3.connect(tmp_path / "empty.db").close()
    for name, problem in (("empty.db", "does not exist"), ("none.db", "There is no database")):
        command = ["web", f"--database=sqlite:///{tmp_path / name}", "--port=0"]
        assert ExitCode.USAGE == main(command)
        assert problem in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
    away = "postgresql://app:hunter2@127.0.0.1:1/shop"
    assert ExitCode.DATABASE == main(["web", f"--database={away}", "--port=0"])
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("library", ["starlette", "jinja2", "uvicorn"])
def test_a_missing_library_is_told_with_its_extra(library: str, tmp_path: Path) -> None:
    """The line says how to add it."""
    program = f"import sys; sys.modules[{library!r}] = None; "
    program += "from messagebus.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "web", f"--database=sqlite:///{tmp_path}/a.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ExitCode.USAGE == done.returncode
    assert "needs the extra 'web'" in done.stderr

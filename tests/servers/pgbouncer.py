"""PgBouncer of the system, of which there is no wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from .postgres import owner, unprivileged
from .process import Server, skip_or_fail

_SETTINGS = """\
[databases]
* = host={host} port={server} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
"""


class PgBouncer(Server):
    """A pooler in transaction mode: each transaction gets any of its connections to the server.

    PgBouncer refuses to run as root, so one that root starts runs as *nobody*.

    Args:
        database: the SQLAlchemy URL of a database behind it.
        size: the most connections to the server.
        prepares: whether it may follow prepared statements, which it can from version 1.21 on.
    """

    def __init__(self, database: str, size: int = 4, *, prepares: bool = True) -> None:
        # Debian puts it where only root looks for programs.
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
        self._program = shutil.which("pgbouncer", path=path)
        if self._program is None:
            skip_or_fail("PgBouncer", "apt-get install pgbouncer")
        super().__init__()
        self._database = urlsplit(database)
        self._size = size
        self._prepares = prepares or not _can_prepare(self._program)
        if os.geteuid() == 0:
            shutil.chown(self.folder, **owner())

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database, through the pooler."""
        place = f"{self._database.username}@127.0.0.1:{self.port}"
        return self._database._replace(netloc=place).geturl()

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of the pooler."""
        file = self.folder / "pgbouncer.ini"
        settings = _SETTINGS.format(
            host=self._database.hostname,
            server=self._database.port,
            user=self._database.username,
            port=port,
            size=self._size,
        )
        if not self._prepares:
            settings += "max_prepared_statements = 0\n"
        file.write_text(settings, "utf-8")
        return [str(self._program), file]

    def answers(self, port: int) -> bool:
        """Return whether the pooler leads to the database."""
        name = self._database.path.removeprefix("/")
        try:
            psycopg.connect(host="127.0.0.1", port=port, dbname=name, user="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def privileges(self) -> Mapping[str, Any]:
        """Return the arguments of Popen that run it as *nobody* if the user is root."""
        return unprivileged()


def _can_prepare(program: str) -> bool:
    """Return whether PgBouncer knows the setting for prepared statements; others end it."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    major, minor = done.stdout.split()[1].split(".")[:2]
    return (int(major), int(minor)) >= (1, 21)

"""RabbitMQ, from the package of the system, as there is no wheel."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .process import Server, answers_with, die_with_parent, free_port, skip_or_fail

INSTALLED = Path("/usr/lib/rabbitmq/lib")
INSTALL = "apt-get install --no-install-recommends rabbitmq-server"
VM = "+S 1:1 +sbwt none -noinput -kernel inet_dist_use_interface {127,0,0,1}"


class RabbitmqServer(Server):
    """A RabbitMQ server whose durable queues survive a restart and a kill.

    The user *guest* with the password *guest* may do everything.

    Args:
        users: the passwords of further users.
        permissions: what each of them may do: the patterns *configure*, *write* and *read*, each of
            which matches nothing if it is not there.
        config: further lines of its configuration file.
    """

    end = signal.SIGTERM

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        permissions: Mapping[str, Mapping[str, str]] | None = None,
        config: str = "",
    ) -> None:
        self._scripts, self._epmd_program = programs()
        super().__init__()
        self._config = config
        self._definitions = definitions({"guest": "guest", **(users or {})}, permissions or {})
        self._names = free_port()  # the port of epmd, which knows the ports of Erlang's nodes
        self._node = uuid.uuid4().hex
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line of the server, with its environment.

        Started so, the script becomes the server instead of starting it.
        """
        folder = self.folder
        (folder / "definitions.json").write_text(json.dumps(self._definitions))
        (folder / "enabled_plugins").write_text("[].")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\n"
            "log.file = false\nlog.console = true\nlog.console.level = warning\n"
            "disk_free_limit.absolute = 50MB\n"
            f"load_definitions = {folder}/definitions.json\n{self._config}\n"
        )
        settings = {
            "HOME": folder,  # the place of Erlang's cookie
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_NODENAME": f"{self._node}@localhost",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf",
            "RABBITMQ_MNESIA_BASE": folder / "mnesia",
            "RABBITMQ_LOG_BASE": folder / "logs",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
            "RABBITMQ_PID_FILE": folder / "pid",
            "RABBITMQ_DIST_PORT": free_port(),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": VM,
            "ERL_EPMD_PORT": self._names,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        words = (f"{name}={value}" for name, value in settings.items())
        return ["env", *words, self._scripts / "rabbitmq-server"]

    def answers(self, port: int) -> bool:
        """Return whether the server introduces itself, which it does once its queues are loaded."""
        return answers_with(port, b"AMQP\x00\x00\x09\x01", b"RabbitMQ")

    def close(self) -> None:
        """Stop the server and delete its data."""
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()

    def _popen(self, port: int) -> subprocess.Popen[bytes]:
        if self._epmd is None:  # or else the server starts one that outlives it
            self._epmd = subprocess.Popen(
                [self._epmd_program, "-address", "127.0.0.1", "-port", str(self._names)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        return super()._popen(port)


def programs() -> tuple[Path, str]:
    """Return the folder of the scripts, of which those in the path change the user, and epmd."""
    found = sorted(INSTALLED.glob("rabbitmq_server-*/sbin"))
    epmd = shutil.which("epmd")
    if not found or epmd is None:
        skip_or_fail("RabbitMQ", INSTALL)
    return found[-1], epmd


def definitions(
    users: Mapping[str, str], permissions: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return what a server creates when it starts: its virtual host, and users with rights."""
    nothing = dict.fromkeys(("configure", "write", "read"), "^$")
    rights = {"guest": dict.fromkeys(nothing, ".*"), **permissions}
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {"name": name, "password_hash": hashed(password), "tags": ""}
            for name, password in users.items()
        ],
        "permissions": [
            {"user": name, "vhost": "/", **nothing, **each} for name, each in rights.items()
        ],
    }


def hashed(password: str) -> str:
    """Return a password as a server stores it: a salt, and the hash of salt and password."""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()

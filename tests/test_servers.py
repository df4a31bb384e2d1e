from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from .servers import (
    KafkaServer,
    NatsServer,
    PostgresServer,
    RabbitmqServer,
    RedisServer,
    Server,
    ServerError,
    postgres,
    rabbitmq,
)
from .servers.process import answers_with

pytestmark = [pytest.mark.server, pytest.mark.slow]

KINDS = [RedisServer, NatsServer, KafkaServer, PostgresServer, RabbitmqServer]


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Open a connection by an SQLAlchemy URL."""
    return psycopg.connect(url.replace("+psycopg", ""))


def test_each_test_has_an_empty_database_of_its_own(
    postgres_url: str, postgres_server_url: str
) -> None:
    """No test sees what another one wrote."""
    assert urlsplit(postgres_server_url).path != urlsplit(postgres_url).path
    with connect(postgres_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        assert [] == tables.fetchall()


def test_the_shared_redis_answers(redis_url: str) -> None:
    """The URL leads to a server that speaks the Redis protocol."""
    assert answers_with(urlsplit(redis_url).port or 6379, b"PING\r\n", b"+PONG")


def test_the_shared_nats_has_jetstream(nats_url: str) -> None:
    """The URL leads to a NATS server with JetStream."""
    assert answers_with(urlsplit(nats_url).port or 4222, b"", b'"jetstream":true')


def test_without_a_wheel_the_newest_postgresql_of_the_system_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions are compared as numbers; what is no version is passed over."""
    monkeypatch.setattr(postgres, "WHEEL", "no_such_package")
    monkeypatch.setattr(postgres, "SYSTEM", tmp_path)
    for name in ("9.6", "9", "17", "common"):
        (tmp_path / name / "bin").mkdir(parents=True)

    assert tmp_path / "17" / "bin" == postgres.programs("18")


def test_a_test_without_postgresql_is_skipped_unless_all_must_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way, the text says how to install it."""
    monkeypatch.setattr(postgres, "WHEEL", "no_such_package")
    monkeypatch.setattr(postgres, "SYSTEM", tmp_path)
    monkeypatch.delenv("MESSAGEBUS_TEST_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        PostgresServer()

    monkeypatch.setenv("MESSAGEBUS_TEST_ALL", "1")
    with pytest.raises(ServerError, match="apt-get install postgresql"):
        PostgresServer()


def test_a_test_without_rabbitmq_is_skipped_unless_all_must_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way, the text says how to install it."""
    monkeypatch.setattr(rabbitmq, "INSTALLED", tmp_path)
    monkeypatch.delenv("MESSAGEBUS_TEST_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"apt-get install .* rabbitmq-server"):
        RabbitmqServer()

    monkeypatch.setenv("MESSAGEBUS_TEST_ALL", "1")
    with pytest.raises(ServerError, match=r"apt-get install .* rabbitmq-server"):
        RabbitmqServer()


def test_the_shared_rabbitmq_answers(rabbitmq_url: str) -> None:
    """The URL leads to a server that speaks AMQP."""
    answer = b"RabbitMQ"
    assert answers_with(urlsplit(rabbitmq_url).port or 5672, b"AMQP\x00\x00\x09\x01", answer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_comes_back_on_its_port(kind: type[Server]) -> None:
    """A stopped or killed server keeps its port, so that clients can reconnect."""
    with kind() as server:
        port = server.port
        for end in (server.stop, server.kill):
            end()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            server.start()
            assert port == server.port
            assert server.answers(port)


def test_a_killed_postgres_has_what_it_committed(own_postgres: PostgresServer) -> None:
    """A confirmed commit survives a kill of the server."""
    with connect(own_postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
    own_postgres.kill()
    own_postgres.start()
    with connect(own_postgres.url) as connection:
        assert 1 == connection.execute("SELECT * FROM kept").rowcount


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_server_answers_when_it_is_thawed(kind: type[Server]) -> None:
    """A frozen server accepts connections but does not answer; a thawed one does."""
    with kind() as server:
        server.freeze()
        with socket.create_connection(("127.0.0.1", server.port), timeout=0.2) as connection:
            connection.sendall(b"PING\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(1)
        server.thaw()
        assert server.answers(server.port)


def test_a_closed_server_leaves_nothing() -> None:
    """Its process and its data are gone."""
    with RedisServer() as server:
        folder, port = server.folder, server.port
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


PROGRAM = """
import sys, time
from tests.servers import RedisServer
server = RedisServer()
server.start()
print(server._process.pid, server.folder, flush=True)
time.sleep(600)
"""


def test_killed_tests_leave_no_server() -> None:
    """The kernel ends the servers of a killed process."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().decode().split()
        server = os.pidfd_open(int(pid))
        parent.kill()
    ended, _, _ = select.select([server], [], [], 60)
    assert [server] == ended
    os.close(server)
    shutil.rmtree(folder)

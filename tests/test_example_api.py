"""The box office over HTTP: the application in a process of its own, asked as clients ask."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

pytestmark = pytest.mark.slow

PATIENCE = 30.0  # seconds
RUNNING = re.compile(r"Uvicorn running on (http://\S+)")
FAIL = "CREATE TRIGGER fail BEFORE INSERT ON api_messages BEGIN SELECT RAISE(ABORT, 'full'); END"
OWN = {"name": "book_seats", "schema_version": 1, "published": False}
FORGED = [
    {"metadata": {"name": "sold_out", "schema_version": 1, "published": True}},
    {"metadata": {**OWN, "published": True}},
    {"metadata": {**OWN, "schema_version": 2}},
    {"metadata": {**OWN, "more": 1}},
    {"metadata": None},
    {"message_id": "019ac0de-0000-7000-8000-000000000000"},
    {"message_id": None},
    {"created_at": "2020-01-01T00:00:00"},
    {"created_at": "2020-01-01T00:00:00Z"},
    {"created_at": 0},
    {"published": True},
]


class Office:
    """A running box office.

    Attributes:
        client: sends requests to it.
        database: the path of its database.
    """

    def __init__(self, client: httpx.Client, database: Path, output: Path) -> None:
        self.client, self.database, self._output = client, database, output

    def post(self, path: str, **body: Any) -> httpx.Response:
        """Post a body."""
        return self.client.post(path, json=body)

    def rows(self, query: str) -> list[Any]:
        """Return the rows of a query, or run a statement."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            return connection.execute(query).fetchall()

    def sent(self, show: str) -> list[dict[str, Any]]:
        """Return the events of a show that have arrived."""
        lines = [json.loads(line) for line in self._output.read_text("utf-8").splitlines()]
        return [each for each in lines if json.loads(each["payload"])["show"] == show]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Office]:
    """Run the application, and shut it down at the end."""
    database, output, log = folder / "shows.sqlite", folder / "output", folder / "log"
    command = [sys.executable, "-W", "error", "-m", "examples.api", "--port", "0"]
    command += ["--database", f"sqlite+aiosqlite:///{database}", *options]
    with output.open("a") as stdout, log.open("w") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    try:
        wait_until(lambda: bool(RUNNING.search(log.read_text())) or process.poll() is not None)
        found = RUNNING.search(log.read_text())
        assert found, log.read_text()
        # uvicorn closes the connection after a 500.
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=found[1], timeout=PATIENCE, limits=limits) as client:
            yield Office(client, database, output)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
    assert "Application shutdown complete." in log.read_text(), log.read_text()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Yield a box office, which the tests share: each has a show of its own."""
    with running(tmp_path_factory.mktemp("office")) as office:
        yield office


def test_a_command_is_handled_and_its_event_arrives(office: Office) -> None:
    """The answer is the result of the handler; the relay beside the application sends."""
    assert 204 == office.post("/shows", show="carmen", seats=3).status_code
    answer = office.post("/bookings", show="carmen", seats=2)

    assert 201 == answer.status_code
    booking = answer.json()
    assert {"id": booking["id"], "show": "carmen", "seats": 2} == booking
    assert 7 == UUID(booking["id"]).version
    wait_until(lambda: bool(office.sent("carmen")))
    (event,) = office.sent("carmen")
    assert "seats_booked_v1" == event["type"]
    assert booking["id"] == event["causation_id"]
    assert 200 == office.client.get("/health").status_code


@pytest.mark.parametrize("forged", FORGED, ids=json.dumps)
def test_a_client_can_forge_nothing(office: Office, forged: dict[str, Any]) -> None:
    """Identity, time and metadata in a body are refused, and nothing is stored."""
    office.post("/shows", show="aida", seats=99)
    stored = office.rows("SELECT count(*) FROM api_messages")

    answer = office.post("/bookings", show="aida", seats=1, **forged)

    assert 422 == answer.status_code
    assert [next(iter(forged))] == answer.json()["detail"][0]["loc"][1:2]
    assert stored == office.rows("SELECT count(*) FROM api_messages")
    assert [] == office.sent("aida")


def test_the_documentation_shows_no_envelope(office: Office) -> None:
    """A client learns only about the fields that it may send."""
    schema = office.client.get("/openapi.json").json()["components"]["schemas"]

    assert ["show", "seats"] == list(schema["BookSeats"]["properties"])
    assert ["show", "seats"] == list(schema["OpenShow"]["properties"])


def test_a_failed_commit_is_an_error(office: Office) -> None:
    """The client is told that nothing happened, and nothing did."""
    office.post("/shows", show="tosca", seats=1)
    office.rows(FAIL)
    try:
        assert 500 == office.post("/bookings", show="tosca", seats=1).status_code
    finally:
        office.rows("DROP TRIGGER fail")

    assert [(1,)] == office.rows("SELECT free FROM api_shows WHERE show = 'tosca'")
    assert 201 == office.post("/bookings", show="tosca", seats=1).status_code
    wait_until(lambda: len(office.sent("tosca")) == 2)
    assert ["seats_booked_v1", "sold_out_v1"] == [each["type"] for each in office.sent("tosca")]


def test_an_error_of_the_domain_is_an_answer(office: Office) -> None:
    """It has a status and a body of its own, and leaves nothing behind."""
    office.post("/shows", show="otello", seats=1)

    again = office.post("/shows", show="otello", seats=5)
    unknown = office.post("/bookings", show="nowhere", seats=1)
    too_many = office.post("/bookings", show="otello", seats=2)

    assert [409, 404, 409] == [each.status_code for each in (again, unknown, too_many)]
    assert {
        "error": "NotEnoughSeatsError",
        "detail": "2 seats of the show otello asked for, but 1 are free",
    } == too_many.json()
    assert "ShowExistsError" == again.json()["error"]
    assert {"error": "UnknownShowError", "detail": "there is no show nowhere"} == unknown.json()
    assert [] == office.sent("otello")


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"show": "x"}', '{"show": 1, "seats": 1}']
)
def test_an_invalid_body_is_an_answer(office: Office, body: str) -> None:
    """It is refused before a transaction begins."""
    assert 422 == office.client.post("/bookings", content=body).status_code


def test_requests_at_once_share_no_transaction(office: Office) -> None:
    """Each seat is sold once."""
    office.post("/shows", show="norma", seats=5)
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda _: office.post("/bookings", show="norma", seats=1), range(8))

    assert [201] * 5 + [409] * 3 == sorted(each.status_code for each in answers)
    wait_until(lambda: len(office.sent("norma")) == 6)


def test_what_was_not_sent_is_sent_by_the_next_process(tmp_path: Path) -> None:
    """A broker that is down delays an event, and neither an answer nor a shutdown."""
    with running(tmp_path, "--stream", "redis://127.0.0.1:1?stream=shows") as office:
        office.post("/shows", show="fidelio", seats=1)
        assert 201 == office.post("/bookings", show="fidelio", seats=1).status_code
        assert 200 == office.client.get("/health").status_code

    with running(tmp_path) as office:
        wait_until(lambda: len(office.sent("fidelio")) == 2)


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "sqlalchemy"])
def test_a_missing_package_is_named(package: str) -> None:
    """The example says how to install what it needs."""
    program = f"import runpy, sys; sys.modules['{package}'] = None; sys.argv[1:] = []\n"
    program += "runpy.run_module('examples.api', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert 2 == done.returncode
    assert 'pip install -e ".[api]"' in done.stderr


def test_a_wrong_stream_is_an_error_of_usage() -> None:
    """It ends the program before it serves."""
    command = [sys.executable, "-m", "examples.api", "--stream", "nats://localhost?stream=A"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert 2 == done.returncode
    assert "error: A URL of NATS needs a subject" in done.stderr

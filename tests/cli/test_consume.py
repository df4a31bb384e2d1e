"""The consumer as a process: the application it names, its output, its end and its exit status."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path

import pytest

from messagebus import Event, MessageSerializer, Metadata
from messagebus.adapters.factory import sync_source_from_url, sync_transport_from_url
from messagebus.cli import ExitCode
from tests.cli.conftest import Start

APP = """
import sqlalchemy as sa
from messagebus import {colour}MessageBus, Event, Metadata
from messagebus.adapters.sqlalchemy import {colour}SQLAlchemyUnitOfWork, prepare_sqlite, metadata
{engine_import}

class Sold(Event):
    title: str
    metadata: Metadata = Metadata(name="sold", schema_version=1)

metadata.create_all(sa.create_engine("sqlite:///{database}"))
engine = prepare_sqlite({engine})

class app:
    bus = {colour}MessageBus()
    hopeless = [ValueError]

    @staticmethod
    def unit_of_work():
        return {colour}SQLAlchemyUnitOfWork(engine)

{function} show(event: Sold, uow):
    if event.title == "bad":
        raise ValueError(event.title)
    print(event.title, flush=True)

app.bus.add_listener(Sold, show)
"""


class Sold(Event):
    title: str
    metadata: Metadata = Metadata(name="sold", schema_version=1, published=True)


@pytest.fixture(params=["Async", "Sync"])
def app(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write an application of one colour into the working directory; return its name."""
    waits = request.param == "Async"
    database = tmp_path / "app.db"
    url = f"sqlite{'+aiosqlite' if waits else ''}:///{database}"
    create = "create_async_engine" if waits else "create_engine"
    text = APP.format(
        colour=request.param,
        database=database,
        engine_import=f"from sqlalchemy{'.ext.asyncio' if waits else ''} import {create}",
        engine=f'{create}("{url}")',
        function="async def" if waits else "def",
    )
    name = f"app_{request.param.lower()}_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    return f"{name}:app"


SESSION = "&session=2"  # what a transport does not know
STREAMS = {
    "redis": "?stream={}&create=true",
    "rabbitmq": "?exchange={}&create=true",
    "kafka": "?topic={}&create=true" + SESSION,
}


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest, unique_name: str) -> str:
    """Return the URL of a stream."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url + STREAMS[request.param].format(unique_name)


def sell(stream: str, *titles: str) -> None:
    """Publish events."""
    serialize = MessageSerializer().serialize_message
    with sync_transport_from_url(stream.removesuffix(SESSION)) as transport:
        transport.send_messages_serialized([serialize(Sold(title=title)) for title in titles])


def test_a_consumer_applies_messages_until_it_is_told_to_stop(
    app: str, stream: str, start: Start
) -> None:
    """SIGTERM ends the process with success; what was handled does not come again."""
    with closing(sync_source_from_url(stream, "reader")) as source:
        source.connect()  # which makes the queue of RabbitMQ
    sell(stream, "Emma", "bad", "Ivanhoe")
    arguments = ("consume", app, f"--stream={stream}", "--consumer=reader", "--lease=1m")
    process = start(*arguments)
    assert process.stdout is not None
    assert ["Emma\n", "Ivanhoe\n"] == [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert ("", ExitCode.OK) == (output, process.returncode)
    assert "stopping on SIGTERM" in errors
    assert "stopped: 2 handled, 0 duplicates, 0 skipped, 1 dead letter(s)" in errors

    sell(stream, "Waverley")
    process = start(*arguments, "--drain")
    output, _ = process.communicate(timeout=60)
    assert ("Waverley\n", ExitCode.OK) == (output, process.returncode)

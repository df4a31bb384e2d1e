"""The start of a relay: the broker is asked before there is anything to send."""

from __future__ import annotations

import pytest

from messagebus.adapters.sqlalchemy import AsyncOutbox, AsyncOutboxRelay, Backoff
from messagebus.exceptions import TransportRefusedError, TransportUnavailableError
from messagebus.testing.outbox import AsyncRecorder
from tests._async.adapters.sqlalchemy.shelves import publish
from tests.running.aio import AsyncEngine, background, eventually

QUICK = Backoff(first=0.01, longest=0.01)


class AsyncGuarded(AsyncRecorder):
    """Fails to connect as long as there is an error."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error
        self.asked = 0

    async def connect(self) -> None:
        """Fail, or do nothing."""
        self.asked += 1
        if self.error is not None:
            raise self.error


async def test_a_broker_that_refuses_at_the_start_ends_the_relay(engine: AsyncEngine) -> None:
    """Nothing is claimed: a wrong configuration is found before there is anything to send."""
    await publish(engine, "1")
    relay = AsyncOutboxRelay(engine, AsyncGuarded(TransportRefusedError("no right to PUBLISH")))
    for start in (relay.run, relay.drain):
        with pytest.raises(TransportRefusedError, match="no right to PUBLISH"):
            await start()

    assert await AsyncOutbox(engine).leader() is None


@pytest.mark.parametrize("error", [TransportUnavailableError("away"), OSError("no route")])
async def test_a_broker_that_is_away_at_the_start_is_waited_for(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """It is not taken for an outage of the database; draining ends at once."""
    await publish(engine, "1")
    transport = AsyncGuarded(error)
    relay = AsyncOutboxRelay(engine, transport, reconnect=QUICK)
    with pytest.raises(type(error)):
        await relay.drain()

    async def has_asked() -> bool:
        return transport.asked > 3

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(has_asked)
        transport.error = None
        await eventually(arrived)
    assert any(each.startswith("the broker is not available") for each in caplog.messages)
    assert not any(each.startswith("the database") for each in caplog.messages)


async def test_a_broker_that_refuses_later_is_waited_for(
    engine: AsyncEngine, transport: AsyncRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """A right can be given back; nothing is parked, and the log has the reason as an error."""
    await publish(engine, "1")
    transport.fail(TransportRefusedError("no right to PUBLISH"), times=2)
    relay = AsyncOutboxRelay(engine, transport, reconnect=QUICK, max_attempts=1)

    async def arrived() -> bool:
        return len(transport.sent) == 1

    async with background(relay.run, relay.stop):
        await eventually(arrived)
    errors = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert 2 == sum("no right to PUBLISH" in each for each in errors)

"""The source of RabbitMQ on a server of its own; in one colour, since it is slow to start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from messagebus.adapters.rabbitmq import AsyncRabbitmqSource
from messagebus.exceptions import TransportRefusedError, TransportUnavailableError
from messagebus.inbox.capability import SourceCapability
from messagebus.testing.source import async_source_rules
from messagebus.testing.source._async.reading import drain, send, start, take, wires
from messagebus.testing.transport.messages import new_messages
from tests._async.adapters.test_rabbitmq_source import RULES, RabbitmqHarness
from tests.adapters.stored import bind_queue
from tests.servers import RabbitmqServer

pytestmark = [pytest.mark.slow, pytest.mark.server]

EVERY_RIGHT = {"configure": r"^shop\.", "write": r"^shop\.", "read": r"^shop"}
RIGHTS = {f"no_{name}": {**EVERY_RIGHT, name: "^shop$"} for name in EVERY_RIGHT}
OUTAGES = [
    rule
    for rule in async_source_rules({SourceCapability.OUTAGES})
    if rule not in RULES["competing"]
]


class RabbitmqServerHarness(RabbitmqHarness):
    """An exchange of a server that may be stopped."""

    def __init__(self, server: RabbitmqServer, exchange: str, networks: ExitStack) -> None:
        super().__init__(server.url, exchange, "partitioned", networks)
        self.broker = server

    def stop_broker(self) -> None:
        """Stop the server."""
        self.broker.stop()

    def kill_broker(self) -> None:
        """Kill the server."""
        self.broker.kill()

    def start_broker(self) -> None:
        """Start the server again."""
        self.broker.start()


@pytest.fixture(scope="module")
def server() -> Iterator[RabbitmqServer]:
    """Yield a server that the tests may stop and kill, with users that lack a right."""
    with RabbitmqServer(dict.fromkeys(RIGHTS, "secret"), RIGHTS) as server:
        yield server


# After a SIGKILL, RabbitMQ 3.10 may leave one of several quorum queues without a leader for ever:
# `python -m tests.chaos --consumers --broker rabbitmq` kills it, too.
SURVIVABLE = [each for each in OUTAGES if each.__name__ != "a_broker_that_is_killed_loses_nothing"]


@pytest.mark.parametrize("rule", SURVIVABLE)
async def test_a_source_outlives_its_server(
    rule: Any, server: RabbitmqServer, unique_name: str
) -> None:
    """Every rule for sources whose broker fails holds."""
    with ExitStack() as networks:
        await rule(RabbitmqServerHarness(server, unique_name, networks))


async def test_a_channel_that_the_server_closes_is_an_outage(
    server: RabbitmqServer, unique_name: str
) -> None:
    """As after its time limit for a message; the error says why, and what was held comes again."""
    messages = new_messages(4)
    with ExitStack() as networks:
        harness = RabbitmqServerHarness(server, unique_name, networks)
        source: Any = harness.source()
        await start(source)
        await send(harness, messages)
        held = await take(source, 2)
        channel = await source._subscriptions._read[0].channel.get_underlay_channel()
        await channel.basic_ack(99)  # which it has never sent
        with pytest.raises(TransportUnavailableError, match="PRECONDITION_FAILED"):
            while True:
                await source.receive(10, 30.0)
        assert [] == source.held(held)
        assert messages == wires(await drain(source, 4))
        await source.close()


@pytest.mark.parametrize("user", RIGHTS)
async def test_a_right_that_is_missing_is_named(user: str, server: RabbitmqServer) -> None:
    """The server says which queue it is about, and the note what a source needs."""
    bind_queue(server.url, "shop")
    url = server.url.replace("guest:guest", f"{user}:secret")
    source = AsyncRabbitmqSource(url, "shop", "billing")
    with pytest.raises(TransportRefusedError, match=r"ACCESS_REFUSED.*shop\.billing") as refused:
        await source.connect()
    assert "configure, write and read" in refused.value.__notes__[0]
    await source.close()

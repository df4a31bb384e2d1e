"""The source that reads what is kept in memory."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus.adapters.factory import async_source_from_url
from messagebus.adapters.memory import AsyncMemorySource, AsyncMemoryTransport
from messagebus.exceptions import ConfigurationError
from messagebus.inbox._async.source import AsyncAbstractSource
from messagebus.testing.source import AsyncSourceHarness, async_source_rules
from messagebus.testing.transport.messages import new_messages


class MemoryHarness(AsyncSourceHarness):
    """One transport, because two would share no stream."""

    capabilities = AsyncMemorySource.capabilities

    def __init__(self, partitions: int) -> None:
        self.memory = AsyncMemoryTransport()
        self.partitions = partitions

    def transport(self) -> AsyncMemoryTransport:
        """Return the transport."""
        return self.memory

    def source(self, consumer: str = "reader") -> AsyncMemorySource:
        """Create a source."""
        return AsyncMemorySource(self.memory, consumer, partitions=self.partitions)

    def another(self) -> MemoryHarness:
        """Return a harness with another transport."""
        return MemoryHarness(self.partitions)

    async def send_unreadable(self, body: bytes) -> None:
        """Put bytes among the messages."""
        kept: list[Any] = self.memory.sent
        kept.append(body)

    async def cut(self, source: AsyncAbstractSource) -> None:
        """Close the source, which is all that can happen to it."""
        partitions = source._assigned  # type: ignore[attr-defined]
        await source.close()
        await source.assign(partitions)

    def stop_broker(self) -> None:
        """Take the transport down."""
        self.memory.down = True

    def start_broker(self) -> None:
        """Bring the transport up again."""
        self.memory.down = False


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("rule", async_source_rules(MemoryHarness.capabilities))
async def test_a_source_in_memory_keeps_the_contract(rule: Any, partitions: int) -> None:
    """Every rule for sources holds."""
    await rule(MemoryHarness(partitions))


async def test_a_url_makes_a_source_with_a_transport_of_its_own() -> None:
    """What is sent with that transport is delivered."""
    messages = new_messages(1)
    source: Any = async_source_from_url("memory:?partitions=2&deduplicate=no", "reader")
    await source.transport.send_messages_serialized(messages * 2)

    assert 2 == source.partitions
    assert messages * 2 == [each.wire for each in await source.receive(5, 0.0)]


@pytest.mark.parametrize("url", ["memory:?colour=red", "memory:?partitions=0", "stdout:"])
def test_a_url_that_makes_no_source_is_refused(url: str) -> None:
    """Mistakes are found before anything is read."""
    with pytest.raises(ConfigurationError):
        async_source_from_url(url, "reader")

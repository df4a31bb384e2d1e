"""The transport that keeps messages in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from messagebus.adapters.memory import AsyncMemoryTransport
from messagebus.exceptions import BatchSendError, MessageRejectedError, TransportUnavailableError
from messagebus.testing.transport import AsyncTransportHarness, Capability, async_transport_rules
from messagebus.testing.transport.messages import new_messages


class MemoryHarness(AsyncTransportHarness):
    """One transport, because two would share no destination."""

    capabilities = frozenset({Capability.DEDUPLICATION, Capability.OUTAGES})

    def __init__(self) -> None:
        self.memory = AsyncMemoryTransport()

    def transport(self) -> AsyncMemoryTransport:
        """Return the transport."""
        return self.memory

    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Return the kept messages."""
        return self.memory.sent

    def stop_broker(self) -> None:
        """Take the transport down."""
        self.memory.down = True

    def start_broker(self) -> None:
        """Bring the transport up again."""
        self.memory.down = False


@pytest.mark.parametrize("rule", async_transport_rules(MemoryHarness.capabilities))
async def test_memory_keeps_the_contract(rule: Any) -> None:
    """Every rule for transports holds."""
    await rule(MemoryHarness())


async def test_it_fails_when_it_is_told_to() -> None:
    """Each failure hits the messages it was meant for, and the next one follows it."""
    messages = new_messages(6)
    transport = AsyncMemoryTransport()
    refusal = MessageRejectedError(messages[1], "it is the second")
    transport.fail(refusal, after=1)
    transport.fail(TransportUnavailableError("gone"), after=1, times=2)

    with pytest.raises(BatchSendError) as batch:
        await transport.send_messages_serialized(messages)
    assert (1, refusal) == (batch.value.sent, batch.value.__cause__)
    await transport.send_message_serialized(messages[2])
    for _ in range(2):
        with pytest.raises(TransportUnavailableError, match="gone"):
            await transport.send_message_serialized(messages[3])
    await transport.send_messages_serialized(messages[3:])

    assert [messages[0], *messages[2:]] == transport.sent


async def test_a_kept_message_does_not_change_with_the_original() -> None:
    """The transport keeps a copy."""
    (message,) = new_messages(1)
    transport = AsyncMemoryTransport()
    await transport.send_message_serialized(message)

    kept = dict(message)
    message["payload"] = "changed"

    assert [kept] == transport.sent


async def test_it_keeps_duplicates_when_asked() -> None:
    """It can act as a broker that does not deduplicate."""
    messages = new_messages(1)
    transport = AsyncMemoryTransport.from_url("memory:?deduplicate=no")
    await transport.send_messages_serialized(messages * 2)

    assert messages * 2 == transport.sent

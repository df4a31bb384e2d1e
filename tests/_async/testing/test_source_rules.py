"""The contract of sources detects sources that break it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from messagebus.adapters.memory import AsyncMemorySource
from messagebus.inbox.capability import SourceCapability
from messagebus.inbox.delivery import Delivery
from messagebus.testing.source import async_source_rules
from messagebus.testing.source._async import reading
from messagebus.testing.transport.messages import new_messages
from tests._async.adapters.test_memory_source import MemoryHarness


class Faulty(AsyncMemorySource):
    """Keeps the contract; each subclass breaks it in one way."""


class Dropping(Faulty):
    """Takes more than it may return, and drops it."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return a part of what was taken."""
        return (await super().receive(limit * 2, wait))[:limit]


class Exceeding(Faulty):
    """Returns more than it may."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Take one more."""
        return await super().receive(limit + 1, wait)


class Reordering(Faulty):
    """Returns the last message first."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return the messages in reverse order."""
        return (await super().receive(limit, wait))[::-1]


class Hasty(Faulty):
    """Does not wait."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return what is there."""
        return await super().receive(limit, 0.0)


class Trimming(Faulty):
    """Changes what cannot be read."""

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Strip the bodies."""
        return [
            replace(each, body=each.body.strip(b"\xff"))
            for each in await super().receive(limit, wait)
        ]


class Unsettling(Faulty):
    """Settles nothing."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing."""


class Cumulative(Faulty):
    """Settles everything before a message as well."""

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Settle up to the last message."""
        last = max((each.receipt for each in deliveries), default=0)
        self._group.settle(range(last + 1))


class Keeping(Faulty):
    """Gives nothing back."""

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:
        """Do nothing."""


class Finishing(Faulty):
    """Settles what it holds when it is closed."""

    async def close(self) -> None:
        """Settle everything."""
        self._group.settle(list(self._group._held))


class Greedy(Faulty):
    """Reads all partitions."""

    async def assign(self, partitions: Collection[int]) -> None:
        """Do nothing."""


class FaultyHarness(MemoryHarness):
    """A stream in memory with sources of the given kind."""

    def __init__(self, kind: type[Faulty]) -> None:
        super().__init__(partitions=2)
        self.kind = kind

    def source(self, consumer: str = "reader") -> Faulty:
        """Create a source of the kind."""
        return self.kind(self.memory, consumer, partitions=2)

    def another(self) -> FaultyHarness:
        """Return a harness with another transport."""
        return FaultyHarness(self.kind)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (Dropping, "no_more_than_the_limit_is_delivered_at_once"),
        (Exceeding, "no_more_than_the_limit_is_delivered_at_once"),
        (Reordering, "messages_are_delivered_in_order"),
        (Hasty, "an_empty_stream_is_waited_for_as_long_as_was_asked"),
        (Trimming, "what_is_unreadable_is_delivered_byte_for_byte"),
        (Unsettling, "what_is_settled_is_never_delivered_again"),
        (Cumulative, "settling_out_of_order_loses_nothing"),
        (Keeping, "what_is_released_is_delivered_again"),
        (Finishing, "what_is_not_settled_is_delivered_again_after_closing"),
        (Greedy, "a_partition_is_handed_over_with_what_is_not_settled"),
    ],
)
async def test_each_fault_breaks_its_rule(
    kind: type[Faulty], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule about a fault fails for a source that has it, and for no other."""
    monkeypatch.setattr(reading, "PATIENCE", 0.2)
    rules: dict[str, Any] = {
        each.__name__: each for each in async_source_rules(Faulty.capabilities)
    }
    await rules[rule](FaultyHarness(Faulty))
    with pytest.raises(AssertionError):
        await rules[rule](FaultyHarness(kind))


def test_order_is_expected_where_a_source_keeps_it() -> None:
    """A message that another process held, or whose answer was lost, may come later elsewhere."""
    harness = FaultyHarness(Faulty)
    sent = new_messages(3)
    mixed = [sent[0], sent[2], sent[1], sent[2]]
    with pytest.raises(AssertionError, match="1 of 3 messages out of order"):
        reading.expect_delivered(harness, sent, mixed, once=False)
    harness.capabilities = Faulty.capabilities - {SourceCapability.ORDER}
    reading.expect_delivered(harness, sent, mixed, once=False)
    with pytest.raises(AssertionError, match="1 of 3 messages lost"):
        reading.expect_delivered(harness, sent, mixed[:2], once=False)


def test_only_the_rules_for_its_capabilities_apply_to_a_source() -> None:
    """Some capabilities add rules, and others make rules stricter."""
    few = async_source_rules([])

    for capability in SourceCapability:
        added = set(async_source_rules([capability])) - set(few)
        stricter = {
            SourceCapability.ORDER,
            SourceCapability.REDELIVERED,
            SourceCapability.SEPARATE,
        }
        assert (capability in stricter) == (not added)
    assert set(few) < set(async_source_rules(list(SourceCapability)))

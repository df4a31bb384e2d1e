"""The contract of transports detects transports that break it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from messagebus.adapters.memory import AsyncMemoryTransport
from messagebus.exceptions import BatchSendError, MessageBusError, MessageRejectedError
from messagebus.testing.transport import AsyncTransportHarness, Capability, async_transport_rules
from messagebus.testing.transport.outcome import expect_arrived

Message = Mapping[str, Any]


class Faulty(AsyncMemoryTransport):
    """Keeps the contract; each subclass breaks it in one way."""


class Losing(Faulty):
    """Loses messages beyond the tenth of a batch."""

    async def send_messages_serialized(self, messages: Sequence[Message]) -> None:
        """Send 10 of the messages."""
        await super().send_messages_serialized(messages[:10])


class Reordering(Faulty):
    """Sends the last message first."""

    async def send_messages_serialized(self, messages: Sequence[Message]) -> None:
        """Send the messages in reverse order."""
        await super().send_messages_serialized(messages[::-1])


class Doubling(Faulty):
    """Does not recognize duplicates."""

    def _keep(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


class Trimming(Faulty):
    """Strips white space."""

    def _keep(self, message: dict[str, Any]) -> None:
        super()._keep({key: value.strip() for key, value in message.items()})


class Adding(Faulty):
    """Adds a key."""

    def _keep(self, message: dict[str, Any]) -> None:
        super()._keep({**message, "sender": "me"})


class Lenient(Faulty):
    """Skips messages that it cannot send."""

    async def send_messages_serialized(self, messages: Sequence[Message]) -> None:
        """Send the acceptable messages."""
        for message in messages:
            try:
                await self.send_message_serialized(message)
            except MessageRejectedError:
                continue


class Forgetful(Faulty):
    """Does not report how many messages were sent."""

    async def send_messages_serialized(self, messages: Sequence[Message]) -> None:
        """Send the messages; on failure, report that none was sent."""
        try:
            await super().send_messages_serialized(messages)
        except BatchSendError as error:
            raise BatchSendError(0) from error.__cause__


class Careless(Faulty):
    """Reports every failure as a success."""

    async def send_message_serialized(self, message: Message) -> None:
        """Send the message, and swallow errors."""
        try:
            await super().send_message_serialized(message)
        except Exception:  # noqa: BLE001
            return


class Holding(Faulty):
    """Holds back single messages for ever."""

    async def send_message_serialized(self, message: Message) -> None:
        """Do nothing."""


class FaultyHarness(AsyncTransportHarness):
    """A single transport of the given kind."""

    capabilities = frozenset({Capability.DEDUPLICATION, Capability.OUTAGES})

    def __init__(self, kind: type[Faulty]) -> None:
        self.memory = kind()

    def transport(self) -> Faulty:
        """Return the transport."""
        return self.memory

    async def received(self) -> Sequence[Message]:
        """Return the messages that arrived."""
        return self.memory.sent

    def stop_broker(self) -> None:
        """Take the transport down."""
        self.memory.down = True

    def start_broker(self) -> None:
        """Bring the transport up again."""
        self.memory.down = False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (Faulty, set()),
        (Losing, {"a_large_batch_arrives_whole_and_in_order"}),
        (Reordering, {"messages_arrive_in_the_order_in_which_they_were_sent"}),
        (Doubling, {"a_message_that_is_sent_again_is_stored_once"}),
        (Trimming, {"special_characters_arrive_as_they_were"}),
        (Adding, {"what_is_sent_arrives_as_it_was"}),
        (Lenient, {"a_message_that_can_not_be_written_down_is_refused"}),
        (Forgetful, {"a_message_that_can_not_be_written_down_is_refused"}),
        (Careless, {"an_outage_is_reported_and_nothing_counted_as_sent"}),
        (Holding, {"messages_arrive_in_the_order_in_which_they_were_sent"}),
    ],
)
async def test_each_fault_breaks_a_rule(kind: type[Faulty], broken: set[str]) -> None:
    """A correct transport breaks no rule; every other one breaks the rule about its fault."""
    failed = set()
    for rule in async_transport_rules(FaultyHarness.capabilities):
        try:
            await rule(FaultyHarness(kind))
        except (AssertionError, MessageBusError):
            failed.add(rule.__name__)

    assert broken <= failed
    assert bool(broken) == bool(failed)


def test_only_the_rules_for_its_capabilities_apply_to_a_transport() -> None:
    """Each capability adds rules."""
    few = async_transport_rules([])
    many = async_transport_rules(list(Capability))

    assert set(few) < set(many)
    for capability in Capability:
        assert set(few) < set(async_transport_rules([capability])) < set(many)


@pytest.mark.parametrize(
    ("sent", "received", "once", "problem"),
    [
        ("abc", "ac", True, "1 of 3 messages lost: b"),
        ("abc", "abcb", True, "1 of 3 messages doubled: b"),
        ("abc", "acb", False, "1 of 3 messages out of order: b"),
        ("ab", "abc", True, "1 of 2 messages never sent: c"),
        ("", "c", True, "1 of 0 messages never sent: c"),
    ],
)
def test_the_error_says_what_is_wrong(sent: str, received: str, once: bool, problem: str) -> None:
    """It names the messages and their problem."""
    with pytest.raises(AssertionError, match=problem):
        expect_arrived([{"id": id} for id in sent], [{"id": id} for id in received], once=once)


def test_an_allowed_duplicate_does_not_affect_the_order() -> None:
    """The first arrival of a message counts."""
    messages = [{"id": id} for id in "abc"]
    expect_arrived(messages, [messages[index] for index in (0, 1, 0, 1, 2, 0)], once=False)

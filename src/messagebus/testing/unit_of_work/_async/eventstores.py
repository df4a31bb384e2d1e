"""The rules of the eventstore. That what it keeps is sent once is the contract of a relay."""

from __future__ import annotations

from typing import Any

from ....exceptions import DuplicateMessageError, UnstorableMessageError
from ....service._async.registry import AsyncMessageBus
from ...transport.outcome import expect, expecting
from ..model import ParcelWeighed, WeighParcel
from .harness import AsyncUnitOfWorkHarness as Harness
from .working import handle


async def messages_are_stored_in_handling_order_with_their_causes(harness: Harness) -> None:
    """Private ones, too; the cause is the message whose handling has raised another one."""
    raised = [ParcelWeighed(), ParcelWeighed()]

    async def weigh(command: WeighParcel, uow: Any) -> None:  # noqa: ARG001
        for event in raised:
            await bus.handle(event, uow)

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(WeighParcel, weigh)
    command, last = WeighParcel(), ParcelWeighed()
    await handle(harness, command, last, bus=bus)
    expected = [
        *((each.message_id, command.message_id, command.message_id) for each in raised),
        (command.message_id, None, command.message_id),
        (last.message_id, None, last.message_id),
    ]
    expect(expected, list(await harness.stored()), "what is stored")


async def what_fails_is_not_stored(harness: Harness) -> None:
    """Nor is anything else of its transaction."""
    with expecting(LookupError):
        async with harness.uow() as transaction:
            await AsyncMessageBus[Any]().handle(ParcelWeighed(), transaction)
            raise LookupError
    expect([], list(await harness.stored()), "what is stored")


async def a_transaction_handles_a_message_once(harness: Harness) -> None:
    """The same message again is refused."""
    event = ParcelWeighed()
    with expecting(DuplicateMessageError):
        await handle(harness, event, event)
    expect([], list(await harness.stored()), "what is stored")


async def what_would_not_come_back_unchanged_is_refused(harness: Harness) -> None:
    """Such as a number that JSON does not know."""
    with expecting(UnstorableMessageError):
        await handle(harness, ParcelWeighed(kilograms=float("nan")))
    expect([], list(await harness.stored()), "what is stored")

"""The chain of messages that led to a message."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from ..domain.model import Message


class Causation(NamedTuple):
    """A message whose handling raised others, and the chain that led to it.

    Created only for messages that do raise others.

    Attributes:
        message: the message.
        cause: the link before it; None for the first message.
        depth: the number of messages in the chain, this one included.
        first: the first message of the chain.
    """

    message: Message[Any]
    cause: Causation | None
    depth: int
    first: Message[Any]


class Received(NamedTuple):
    """A message that was stored elsewhere or before, and is handled again or here.

    Attributes:
        message: the message. It is neither stored nor published once more.
        correlation_id: the first message of the cascade that it belongs to; None for the
            message itself. What its handling raises gets the same.
        listener: the module and name of the only listener to call; None for all that hear it.
    """

    message: Message[Any]
    correlation_id: UUID | None = None
    listener: str | None = None


def cause_of(message: Message[Any], cause: Causation | None) -> Causation:
    """Return the cause of what *message* raises, given the cause of *message* itself."""
    if cause is None:
        return Causation(message, None, 1, message)
    return Causation(message, cause, cause.depth + 1, cause.first)


def chain_to(message: Message[Any], cause: Causation | None) -> list[Message[Any]]:
    """List the messages that led to *message*, the first one first, and *message* itself."""
    chain = [message]
    while cause is not None:
        chain.append(cause.message)
        cause = cause.cause
    return chain[::-1]

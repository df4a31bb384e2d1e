"""A message that a consumer could not handle."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from ..domain.model import Message
from .delivery import Delivery

LISTENER = "listener:"
"""The beginning of the *consumer* of a dead letter that one listener of a bus could not handle."""


@dataclass(frozen=True)
class DeadLetter:
    """A message that a consumer could not handle, with everything that is known of it.

    Attributes:
        consumer: the name of the consumer; ``listener:`` and the name of the listener if a bus
            has isolated its failure.
        message_id: the identifier of the message, or one made of its bytes if it has none that
            can be read.
        delivery: the message as it came.
        attempts: how many times handling it has begun.
        error_type: the class of the last error.
        error: its text, with its notes.
        traceback: where it was raised; None if no code of the application was called.
    """

    consumer: str
    message_id: UUID
    delivery: Delivery
    attempts: int
    error_type: str
    error: str
    traceback: str | None = None

    @property
    def wire(self) -> Mapping[str, Any] | None:
        """The wire message; None if it could not be read."""
        return self.delivery.wire

    @classmethod
    def of_failure(
        cls,
        consumer: str,
        message_id: UUID,
        delivery: Delivery,
        attempts: int,
        failure: BaseException,
    ) -> DeadLetter:
        """Create the dead letter of a message whose handling has failed."""
        kind = type(failure)
        text = "\n".join([str(failure), *getattr(failure, "__notes__", ())])
        trace = "".join(traceback.format_exception(failure)) if failure.__traceback__ else None
        name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        return cls(consumer, message_id, delivery, attempts, name, text, trace)

    @classmethod
    def of_listener(
        cls, listener: str, message: Message[Any], wire: Mapping[str, Any], failure: BaseException
    ) -> DeadLetter:
        """Create the dead letter of a message that one listener of a bus could not handle.

        Args:
            listener: the module and name of the listener.
            message: the message.
            wire: the message as it is stored, with its causes.
            failure: what the listener raised.
        """
        delivery = Delivery(wire, to_json(wire), origin="eventstore")
        return cls.of_failure(f"{LISTENER}{listener}", message.message_id, delivery, 1, failure)

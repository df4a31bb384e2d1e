"""Publishers: messages for subscribers that are bound later."""

from __future__ import annotations

import logging

from .delivery import deliver
from .subscriber import Subscriber

log = logging.getLogger("messagebus")


class Publisher:
    """Publishes messages to all its subscribers."""

    def __init__(self) -> None:
        self.subscribers: list[Subscriber] = []
        """The subscribers in the order of their registration."""
        self._noted = False

    def register(self, *subscribers: Subscriber) -> None:
        """Register subscribers to publish messages to; one that is registered stays so once."""
        for subscriber in subscribers:
            if subscriber not in self.subscribers:
                self.subscribers.append(subscriber)

    async def publish(self, message: object, topic: str) -> None:
        """Hand a message to all subscribers, in the order of their registration.

        Args:
            message: anything.
            topic: says which of their handlers receive it.

        Raises:
            Exception: what the only subscriber that failed has raised; the others have the
                message.
            ExceptionGroup: several subscribers have failed; what they have raised, in order.
        """
        if not self.subscribers and not self._noted:
            self._noted = True
            log.warning("A publisher without subscribers publishes to %r", topic)
        await deliver([subscriber.receive for subscriber in self.subscribers], message, topic)

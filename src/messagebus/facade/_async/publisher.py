"""Publishers: publish messages to subscribers that are registered later."""

from __future__ import annotations

from ..._compat.aio import adapt
from ..._compat.logs import get_logger
from .delivery import deliver, receiver_of
from .subscriber import Subscriber


class Publisher:
    """Publishes messages to all its subscribers."""

    def __init__(self) -> None:
        self.subscribers: list[Subscriber] = []
        """The subscribers, in the order of their registration."""
        self._warned = False

    def register(self, *subscribers: Subscriber) -> None:
        """Register subscribers. Registering one again changes nothing."""
        for subscriber in subscribers:
            adapt(subscriber.receive)  # refuses one of the other colour
            if subscriber not in self.subscribers:
                self.subscribers.append(subscriber)

    async def publish(self, message: object, topic: str) -> None:
        """Publish a message to all subscribers, in the order of their registration.

        Args:
            message: any object.
            topic: the topic whose handlers receive it.

        Raises:
            Exception: the error of the only subscriber that failed. The others have the message.
            ExceptionGroup: the errors of several subscribers, in order.
        """
        if not self.subscribers and not self._warned:
            self._warned = True
            get_logger().warning("A publisher without subscribers publishes to %r", topic)
        receivers = [receiver_of(Subscriber, each, each.receive) for each in self.subscribers]
        await deliver(receivers, message, topic)

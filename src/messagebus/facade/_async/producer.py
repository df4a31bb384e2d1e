"""Producers: dispatch events to consumers that are registered later."""

from __future__ import annotations

from ..._compat.aio import adapt
from ..._compat.logs import get_logger
from .consumer import Consumer
from .delivery import deliver, receiver_of


class Producer:
    """Dispatches events to all its consumers."""

    def __init__(self) -> None:
        self.consumers: list[Consumer] = []
        """The consumers, in the order of their registration."""
        self._warned = False

    def register(self, *consumers: Consumer) -> None:
        """Register consumers. Registering one again changes nothing."""
        for consumer in consumers:
            adapt(consumer.consume)  # refuses one of the other colour
            if consumer not in self.consumers:
                self.consumers.append(consumer)

    async def dispatch(self, event: object) -> None:
        """Dispatch an event to all consumers, in the order of their registration.

        Raises:
            Exception: the error of the only consumer that failed. The others have the event.
            ExceptionGroup: the errors of several consumers, in order.
        """
        if not self.consumers and not self._warned:
            self._warned = True
            get_logger().warning("A producer without consumers dispatches %s", type(event))
        receivers = [receiver_of(Consumer, each, each.consume) for each in self.consumers]
        await deliver(receivers, event)

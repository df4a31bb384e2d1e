"""Producers: events for consumers that are bound later."""

from __future__ import annotations

import logging

from .consumer import Consumer
from .delivery import deliver

log = logging.getLogger("messagebus")


class Producer:
    """Dispatches events to all its consumers."""

    def __init__(self) -> None:
        self.consumers: list[Consumer] = []
        """The consumers in the order of their registration."""
        self._noted = False

    def register(self, *consumers: Consumer) -> None:
        """Register consumers to dispatch events to; one that is registered stays so once."""
        for consumer in consumers:
            if consumer not in self.consumers:
                self.consumers.append(consumer)

    async def dispatch(self, event: object) -> None:
        """Hand an event to all consumers, in the order of their registration.

        Raises:
            Exception: what the only consumer that failed has raised; the others have the event.
            ExceptionGroup: several consumers have failed; what they have raised, in order.
        """
        if not self.consumers and not self._noted:
            self._noted = True
            log.warning("A producer without consumers dispatches %s", type(event))
        await deliver([consumer.consume for consumer in self.consumers], event)

"""The components that handlers register with, created once for the whole program."""

from __future__ import annotations

from messagebus import Consumer, Publisher, Service, Subscriber, SyncMessageBus
from messagebus.depends import Provider

from .outbox import Outbox
from .unit_of_work import Users

provider = Provider()
"""Implementations of dependencies for the components below."""

publisher = Publisher()
"""Sends notifications to subscribers."""

subscriber = Subscriber(provider=provider)
"""Receives notifications by topic."""

consumer = Consumer(provider=provider)
"""Hears the events of the bus, inside the transaction."""

service = Service(provider=provider)
"""Executes actions by name."""

bus: SyncMessageBus[Users] = SyncMessageBus(provider=provider, outbox=lambda: Outbox(publisher))
"""Handles commands; notifications wait in the outbox for the commit."""

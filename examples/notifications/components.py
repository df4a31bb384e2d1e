"""What handlers are registered with: made once, for the whole program."""

from __future__ import annotations

from messagebus import Consumer, Publisher, Service, Subscriber, SyncMessageBus
from messagebus.depends import Provider

from .outbox import Outbox
from .unit_of_work import Users

provider = Provider()
"""The implementations of dependencies, for all components below."""

publisher = Publisher()
"""Tells what has happened to whoever has subscribed."""

subscriber = Subscriber(provider=provider)
"""Receives what is told, by topic."""

consumer = Consumer(provider=provider)
"""Hears the events of the bus, inside of the transaction."""

service = Service(provider=provider)
"""What the program can be asked to do, by name."""

bus: SyncMessageBus[Users] = SyncMessageBus(provider=provider, outbox=lambda: Outbox(publisher))
"""Handles commands, each in a transaction; letters wait in the outbox for the commit."""

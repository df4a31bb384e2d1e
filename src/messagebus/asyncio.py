"""The async facade, under the same names as the sync one in `messagebus`."""

from .depends import Dependency, Depends, Provider, inject
from .facade._async.consumer import Consumer
from .facade._async.producer import Producer
from .facade._async.publisher import Publisher
from .facade._async.service import Service
from .facade._async.subscriber import Subscriber
from .facade.event import event

__all__ = [
    "Consumer",
    "Dependency",
    "Depends",
    "Producer",
    "Provider",
    "Publisher",
    "Service",
    "Subscriber",
    "event",
    "inject",
]

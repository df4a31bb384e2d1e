"""The inbox: messages that come from a broker, each applied once."""

from ..service.causation import Received
from ._async.consumer import AsyncInboxConsumer
from ._async.inbox import AsyncAbstractInbox
from ._async.middleware import AsyncProcessCall, AsyncReceiveCall, AsyncSettleCall
from ._async.source import AsyncAbstractSource
from ._sync.consumer import SyncInboxConsumer
from ._sync.inbox import SyncAbstractInbox
from ._sync.middleware import SyncProcessCall, SyncReceiveCall, SyncSettleCall
from ._sync.source import SyncAbstractSource
from .capability import SourceCapability
from .dead_letter import DeadLetter
from .delivery import Delivery, Position
from .options import ConsumerOptions
from .status import ConsumerStatus

__all__ = [
    "AsyncAbstractInbox",
    "AsyncAbstractSource",
    "AsyncInboxConsumer",
    "AsyncProcessCall",
    "AsyncReceiveCall",
    "AsyncSettleCall",
    "ConsumerOptions",
    "ConsumerStatus",
    "DeadLetter",
    "Delivery",
    "Position",
    "Received",
    "SourceCapability",
    "SyncAbstractInbox",
    "SyncAbstractSource",
    "SyncInboxConsumer",
    "SyncProcessCall",
    "SyncReceiveCall",
    "SyncSettleCall",
]

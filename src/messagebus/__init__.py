"""An async-first, in-process message bus for event-driven applications, with a sync twin."""

from pydantic import Field

from .depends import Dependency, Depends, Provider, inject
from .domain.model import (
    Command,
    Event,
    GenericCommand,
    GenericEvent,
    GenericModel,
    Message,
    Metadata,
    Model,
    Returns,
    load_message,
)
from .exceptions import (
    AnnotationError,
    CascadeError,
    ConfigurationError,
    DeadlineExceededError,
    DependencyCycleError,
    GeneratorDependencyError,
    InvalidMessageError,
    MessageBusError,
    MissingDependencyError,
    ParameterError,
    PublishError,
    RunningLoopError,
    ScanError,
    TransactionError,
    UnexpectedDependencyError,
    UnhandledCommandWarning,
    UnknownActionError,
    UnknownMessageTypeError,
    UnreadableMessageError,
    UpcastError,
)
from .facade._sync.consumer import Consumer
from .facade._sync.producer import Producer
from .facade._sync.publisher import Publisher
from .facade._sync.service import Service
from .facade._sync.subscriber import Subscriber
from .facade.event import event
from .retry import Backoff, Retry
from .serialization.deserializer import AbstractMessageDeserializer, MessageDeserializer
from .serialization.types import MessageTypes
from .serialization.upcasters import Upcasters
from .service._async.dependency import AsyncDependency
from .service._async.eventstream import (
    AsyncAbstractEventstreamTransport,
    AsyncEventstreamPublisher,
    AsyncSinkholeEventstreamTransport,
)
from .service._async.middleware import AsyncHandleCall, AsyncListenerCall, AsyncSendCall
from .service._async.registry import AsyncMessageBus, async_listen
from .service._async.repository import (
    AsyncAbstractRepository,
    AsyncEventstoreAbstractRepository,
    AsyncSinkholeEventstoreRepository,
)
from .service._async.unit_of_work import AsyncAbstractUnitOfWork, AsyncUnitOfWorkTransaction
from .service._sync.dependency import SyncDependency
from .service._sync.eventstream import (
    SyncAbstractEventstreamTransport,
    SyncEventstreamPublisher,
    SyncSinkholeEventstreamTransport,
)
from .service._sync.middleware import SyncHandleCall, SyncListenerCall, SyncSendCall
from .service._sync.registry import SyncMessageBus, sync_listen
from .service._sync.repository import (
    SyncAbstractRepository,
    SyncEventstoreAbstractRepository,
    SyncSinkholeEventstoreRepository,
)
from .service._sync.unit_of_work import SyncAbstractUnitOfWork, SyncUnitOfWorkTransaction
from .service.eventstream import AbstractMessageSerializer, MessageSerializer
from .service.middleware import Call, HandlerCall
from .service.transaction_status import TransactionStatus

__version__ = "0.1.0"

__all__ = [
    "AbstractMessageDeserializer",
    "AbstractMessageSerializer",
    "AnnotationError",
    "AsyncAbstractEventstreamTransport",
    "AsyncAbstractRepository",
    "AsyncAbstractUnitOfWork",
    "AsyncDependency",
    "AsyncEventstoreAbstractRepository",
    "AsyncEventstreamPublisher",
    "AsyncHandleCall",
    "AsyncListenerCall",
    "AsyncMessageBus",
    "AsyncSendCall",
    "AsyncSinkholeEventstoreRepository",
    "AsyncSinkholeEventstreamTransport",
    "AsyncUnitOfWorkTransaction",
    "Backoff",
    "Call",
    "CascadeError",
    "Command",
    "ConfigurationError",
    "Consumer",
    "DeadlineExceededError",
    "Dependency",
    "DependencyCycleError",
    "Depends",
    "Event",
    "Field",
    "GeneratorDependencyError",
    "GenericCommand",
    "GenericEvent",
    "GenericModel",
    "HandlerCall",
    "InvalidMessageError",
    "Message",
    "MessageBusError",
    "MessageDeserializer",
    "MessageSerializer",
    "MessageTypes",
    "Metadata",
    "MissingDependencyError",
    "Model",
    "ParameterError",
    "Producer",
    "Provider",
    "PublishError",
    "Publisher",
    "Retry",
    "Returns",
    "RunningLoopError",
    "ScanError",
    "Service",
    "Subscriber",
    "SyncAbstractEventstreamTransport",
    "SyncAbstractRepository",
    "SyncAbstractUnitOfWork",
    "SyncDependency",
    "SyncEventstoreAbstractRepository",
    "SyncEventstreamPublisher",
    "SyncHandleCall",
    "SyncListenerCall",
    "SyncMessageBus",
    "SyncSendCall",
    "SyncSinkholeEventstoreRepository",
    "SyncSinkholeEventstreamTransport",
    "SyncUnitOfWorkTransaction",
    "TransactionError",
    "TransactionStatus",
    "UnexpectedDependencyError",
    "UnhandledCommandWarning",
    "UnknownActionError",
    "UnknownMessageTypeError",
    "UnreadableMessageError",
    "UpcastError",
    "Upcasters",
    "async_listen",
    "event",
    "inject",
    "load_message",
    "sync_listen",
]

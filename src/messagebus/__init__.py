"""An async-first, in-process message bus for event-driven applications, with a sync twin."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import Field

    from .depends import Depends
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
    )
    from .exceptions import (
        AnnotationError,
        CascadeError,
        ConfigurationError,
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
        UnknownActionError,
    )
    from .facade._sync.consumer import Consumer
    from .facade._sync.producer import Producer
    from .facade._sync.publisher import Publisher
    from .facade._sync.service import Service
    from .facade._sync.subscriber import Subscriber
    from .facade.event import event
    from .service._async.dependency import AsyncDependency
    from .service._async.eventstream import (
        AsyncAbstractEventstreamTransport,
        AsyncEventstreamPublisher,
        AsyncSinkholeEventstreamTransport,
    )
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
    from .service._sync.registry import SyncMessageBus, sync_listen
    from .service._sync.repository import (
        SyncAbstractRepository,
        SyncEventstoreAbstractRepository,
        SyncSinkholeEventstoreRepository,
    )
    from .service._sync.unit_of_work import SyncAbstractUnitOfWork, SyncUnitOfWorkTransaction
    from .service.eventstream import AbstractMessageSerializer, MessageSerializer
    from .service.transaction_status import TransactionStatus

__version__ = "0.1.0"

__all__ = [
    "AbstractMessageSerializer",
    "AnnotationError",
    "AsyncAbstractEventstreamTransport",
    "AsyncAbstractRepository",
    "AsyncAbstractUnitOfWork",
    "AsyncDependency",
    "AsyncEventstoreAbstractRepository",
    "AsyncEventstreamPublisher",
    "AsyncMessageBus",
    "AsyncSinkholeEventstoreRepository",
    "AsyncSinkholeEventstreamTransport",
    "AsyncUnitOfWorkTransaction",
    "CascadeError",
    "Command",
    "ConfigurationError",
    "Consumer",
    "DependencyCycleError",
    "Depends",
    "Event",
    "Field",
    "GeneratorDependencyError",
    "GenericCommand",
    "GenericEvent",
    "GenericModel",
    "InvalidMessageError",
    "Message",
    "MessageBusError",
    "MessageSerializer",
    "Metadata",
    "MissingDependencyError",
    "Model",
    "ParameterError",
    "Producer",
    "PublishError",
    "Publisher",
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
    "SyncMessageBus",
    "SyncSinkholeEventstoreRepository",
    "SyncSinkholeEventstreamTransport",
    "SyncUnitOfWorkTransaction",
    "TransactionError",
    "TransactionStatus",
    "UnknownActionError",
    "async_listen",
    "event",
    "sync_listen",
]

# A program rarely needs both colours and the facade: each name is imported when it is first used.
_PLACES = {
    "AbstractMessageSerializer": "messagebus.service.eventstream",
    "AnnotationError": "messagebus.exceptions",
    "AsyncAbstractEventstreamTransport": "messagebus.service._async.eventstream",
    "AsyncAbstractRepository": "messagebus.service._async.repository",
    "AsyncAbstractUnitOfWork": "messagebus.service._async.unit_of_work",
    "AsyncDependency": "messagebus.service._async.dependency",
    "AsyncEventstoreAbstractRepository": "messagebus.service._async.repository",
    "AsyncEventstreamPublisher": "messagebus.service._async.eventstream",
    "AsyncMessageBus": "messagebus.service._async.registry",
    "AsyncSinkholeEventstoreRepository": "messagebus.service._async.repository",
    "AsyncSinkholeEventstreamTransport": "messagebus.service._async.eventstream",
    "AsyncUnitOfWorkTransaction": "messagebus.service._async.unit_of_work",
    "CascadeError": "messagebus.exceptions",
    "Command": "messagebus.domain.model",
    "ConfigurationError": "messagebus.exceptions",
    "Consumer": "messagebus.facade._sync.consumer",
    "DependencyCycleError": "messagebus.exceptions",
    "Depends": "messagebus.depends",
    "Event": "messagebus.domain.model",
    "Field": "pydantic",
    "GeneratorDependencyError": "messagebus.exceptions",
    "GenericCommand": "messagebus.domain.model",
    "GenericEvent": "messagebus.domain.model",
    "GenericModel": "messagebus.domain.model",
    "InvalidMessageError": "messagebus.exceptions",
    "Message": "messagebus.domain.model",
    "MessageBusError": "messagebus.exceptions",
    "MessageSerializer": "messagebus.service.eventstream",
    "Metadata": "messagebus.domain.model",
    "MissingDependencyError": "messagebus.exceptions",
    "Model": "messagebus.domain.model",
    "ParameterError": "messagebus.exceptions",
    "Producer": "messagebus.facade._sync.producer",
    "PublishError": "messagebus.exceptions",
    "Publisher": "messagebus.facade._sync.publisher",
    "Returns": "messagebus.domain.model",
    "RunningLoopError": "messagebus.exceptions",
    "ScanError": "messagebus.exceptions",
    "Service": "messagebus.facade._sync.service",
    "Subscriber": "messagebus.facade._sync.subscriber",
    "SyncAbstractEventstreamTransport": "messagebus.service._sync.eventstream",
    "SyncAbstractRepository": "messagebus.service._sync.repository",
    "SyncAbstractUnitOfWork": "messagebus.service._sync.unit_of_work",
    "SyncDependency": "messagebus.service._sync.dependency",
    "SyncEventstoreAbstractRepository": "messagebus.service._sync.repository",
    "SyncEventstreamPublisher": "messagebus.service._sync.eventstream",
    "SyncMessageBus": "messagebus.service._sync.registry",
    "SyncSinkholeEventstoreRepository": "messagebus.service._sync.repository",
    "SyncSinkholeEventstreamTransport": "messagebus.service._sync.eventstream",
    "SyncUnitOfWorkTransaction": "messagebus.service._sync.unit_of_work",
    "TransactionError": "messagebus.exceptions",
    "TransactionStatus": "messagebus.service.transaction_status",
    "UnknownActionError": "messagebus.exceptions",
    "async_listen": "messagebus.service._async.registry",
    "event": "messagebus.facade.event",
    "sync_listen": "messagebus.service._sync.registry",
}


def __getattr__(name: str) -> Any:
    try:
        place = _PLACES[name]
    except KeyError:
        text = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(text) from None
    value = globals()[name] = getattr(import_module(place), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

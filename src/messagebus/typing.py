"""Types of listeners and units of work, for both colours."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from .domain.model import TMessage

if TYPE_CHECKING:
    from .service._async.unit_of_work import AsyncAbstractUnitOfWork, AsyncUnitOfWorkTransaction
    from .service._sync.unit_of_work import SyncAbstractUnitOfWork, SyncUnitOfWorkTransaction

__all__ = [
    "AsyncMessageHandler",
    "P",
    "R",
    "SyncMessageHandler",
    "TAsyncUow",
    "TMessage",
    "TSyncUow",
]

P = ParamSpec("P")
"""The dependencies of a listener: its parameters after the message and the unit of work."""

R = TypeVar("R")
"""The result of a listener."""

TAsyncUow = TypeVar(
    "TAsyncUow", bound="AsyncAbstractUnitOfWork[Any] | AsyncUnitOfWorkTransaction[Any]"
)
"""
The unit of work of a listener.

Annotate it with your own class of unit of work to get typed repositories. At run time it is the
transaction, which has all attributes of the unit of work.
"""

TSyncUow = TypeVar("TSyncUow", bound="SyncAbstractUnitOfWork[Any] | SyncUnitOfWorkTransaction[Any]")
"""The unit of work of a sync listener."""

AsyncMessageHandler = Callable[Concatenate[TMessage, TAsyncUow, P], Coroutine[Any, Any, R]]
"""A listener. It accepts a message, the unit of work, and its dependencies."""

SyncMessageHandler = Callable[Concatenate[TMessage, TSyncUow, P], R]
"""A sync listener. It accepts a message, the unit of work, and its dependencies."""

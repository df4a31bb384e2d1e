"""Types of what users give to the bus, both colours side by side."""

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
"""The dependencies that a listener asks for, behind the message and the unit of work."""

R = TypeVar("R")
"""What a listener returns."""

TAsyncUow = TypeVar(
    "TAsyncUow", bound="AsyncAbstractUnitOfWork[Any] | AsyncUnitOfWorkTransaction[Any]"
)
"""
The unit of work of a listener.

Annotate it with your own class of unit of work, and its repositories are typed; at run time it
is the transaction, which has all attributes of the unit of work.
"""

TSyncUow = TypeVar("TSyncUow", bound="SyncAbstractUnitOfWork[Any] | SyncUnitOfWorkTransaction[Any]")
"""The unit of work of a listener, for code that does not wait."""

AsyncMessageHandler = Callable[Concatenate[TMessage, TAsyncUow, P], Coroutine[Any, Any, R]]
"""A listener: takes a message, the unit of work, and its dependencies."""

SyncMessageHandler = Callable[Concatenate[TMessage, TSyncUow, P], R]
"""A listener: takes a message, the unit of work, and its dependencies."""

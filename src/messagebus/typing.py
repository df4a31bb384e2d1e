"""Types of listeners and units of work, for both colours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from .domain.model import TMessage

__all__ = [
    "AsyncMessageHandler",
    "AsyncMiddleware",
    "AsyncNext",
    "P",
    "R",
    "SyncMessageHandler",
    "SyncMiddleware",
    "SyncNext",
    "TAsyncUow",
    "TMessage",
    "TSyncUow",
]

P = ParamSpec("P")
"""The dependencies of a listener: its parameters after the message and the unit of work."""

R = TypeVar("R")
"""The result of a listener."""

TAsyncUow = TypeVar("TAsyncUow")
"""
The unit of work of a listener.

Annotate it with your own class of unit of work to get typed repositories, or with a protocol that
names those which the listener needs. At run time it is the transaction, which has all attributes
of the unit of work.
"""

TSyncUow = TypeVar("TSyncUow")
"""The unit of work of a sync listener."""

AsyncMessageHandler = Callable[Concatenate[TMessage, TAsyncUow, P], R]
"""
A listener. It accepts a message, the unit of work, and its dependencies.

*R* is what a call returns: a coroutine, or the result of a plain function, which runs in a worker
thread.
"""

SyncMessageHandler = Callable[Concatenate[TMessage, TSyncUow, P], R]
"""A sync listener. It accepts a message, the unit of work, and its dependencies."""

TCall = TypeVar("TCall")
"""The call that middleware wraps."""

AsyncNext: TypeAlias = Callable[[TCall], Awaitable[Any]]
"""The function that passes a call on, to the next middleware or at last to the listener."""

AsyncMiddleware: TypeAlias = Callable[[TCall, Callable[[TCall], Awaitable[Any]]], Awaitable[Any]]
"""
Middleware: accepts a call and *call_next*, and returns the result.

It is a coroutine function, or an object with one as its ``__call__``.
"""

SyncNext: TypeAlias = Callable[[TCall], Any]
"""The function that passes a call on in sync code."""

SyncMiddleware: TypeAlias = Callable[[TCall, Callable[[TCall], Any]], Any]
"""Sync middleware: accepts a call and *call_next*, and returns the result."""

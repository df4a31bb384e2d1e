"""Types of listeners and units of work, for both colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from .domain.model import TMessage

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

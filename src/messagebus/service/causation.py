"""Why a message is handled: the chain of messages that led to it."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..domain.model import Message

Cause: TypeAlias = "tuple[Message[Any], Cause | None, int, Message[Any]]"
"""
A message whose handling raised others: itself, what caused it, how many messages led to it, its
own included, and the first of them.

It is a plain tuple, made only for a message that does raise others.
"""


def caused(message: Message[Any], cause: Cause | None) -> Cause:
    """Return the cause that *message* becomes for what it raises, given its own cause."""
    if cause is None:
        return (message, None, 1, message)
    return (message, cause, cause[2] + 1, cause[3])


def chain_to(message: Message[Any], cause: Cause | None) -> list[Message[Any]]:
    """List the messages that led to *message*, the first one first, and itself."""
    chain = [message]
    while cause is not None:
        chain.append(cause[0])
        cause = cause[1]
    return chain[::-1]

"""Says what went wrong in a call of *handle*, and where."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from .._compat.callables import describe
from ..domain.model import Message
from ..exceptions import ConfigurationError, TransactionError, UnhandledCommandWarning
from .causation import Causation, chain_to

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


def annotate(
    error: BaseException,
    listener: Callable[..., Any] | None,
    message: Message[Any],
    cause: Causation | None,
) -> None:
    """Add a note to an error that leaves a listener: the message, the listener and the causes."""
    if listener is None or not isinstance(error, Exception):
        return
    beginning = f"The listener {describe(listener)} was handling "
    chain = " -> ".join(type(each).__qualname__ for each in chain_to(message, cause))
    note = (
        f"{beginning}{type(message).__qualname__} {message.message_id}; chain of causes: {chain}."
    )
    # An error that is raised again and again must not collect notes without end.
    others = [each for each in getattr(error, "__notes__", ()) if not each.startswith(beginning)]
    with suppress(Exception):  # an error may refuse attributes
        error.__notes__ = [*others, note]


def warn_unhandled(command: Message[Any]) -> None:
    """Warn the caller of *handle* about a command that goes nowhere."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(UnhandledCommandWarning(command), stacklevel=level)


HIDDEN = frozenset(
    (
        "bare",
        "buffer",
        "causation_id",
        "cause",
        "correlation_id",
        "deadline",
        "message",
        "received",
        "status",
        "trace_context",
        "uow",
    )
)
"""The attributes of a transaction that would hide those of a unit of work."""


def refuse_hidden(cls: type, names: Iterable[str]) -> None:
    """Refuse attributes of a unit of work that its transactions have themselves.

    Args:
        cls: the class of the unit of work.
        names: names that it declares or sets.

    Raises:
        ConfigurationError: there are such attributes.
    """
    for name in HIDDEN.intersection(names):
        text = f"{cls.__qualname__}.{name} would be hidden: a transaction has an attribute {name!r}"
        advice = (
            "Listeners read the attributes of a unit of work through its transaction: rename it. "
            f"A transaction has itself: {', '.join(sorted(HIDDEN))}."
        )
        raise ConfigurationError(text, advice=advice)


def refuse_attribute(name: str) -> None:
    """Refuse an attribute that is set on a transaction, but belongs to its unit of work.

    Raises:
        TransactionError: always.
    """
    error = TransactionError(f"A transaction has no attribute {name!r} of its own")
    error.add_note(f"Set it on the unit of work: transaction.uow.{name} = ...")
    raise error


def refuse_non_transaction(thing: object) -> None:
    """Refuse an object that was passed to *handle* as the transaction.

    Raises:
        TransactionError: always.
    """
    error = TransactionError(f"{type(thing).__qualname__} is not a transaction")
    error.add_note("Enter the unit of work, and pass the transaction that this returns.")
    raise error from None

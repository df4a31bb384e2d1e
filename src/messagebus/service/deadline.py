"""The deadline of a transaction."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..domain.model import Message
from ..exceptions import DeadlineExceededError


def ensure_in_time(deadline: float | None, message: Message[Any] | None) -> None:
    """Refuse to go on after a deadline.

    Args:
        deadline: in seconds of `time.monotonic`; None if there is no limit.
        message: what is handled, for the error.

    Raises:
        DeadlineExceededError: it has passed.
    """
    if deadline is not None and monotonic() >= deadline:
        raise DeadlineExceededError(message)

"""The options of a consumer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Literal

from .._ranges import LARGEST_BATCH, ensure_duration, ensure_number, ensure_whole
from ..exceptions import ConfigurationError
from ..retry import Backoff
from .dead_letter import LISTENER

LONGEST_NAME = 200


@dataclass(frozen=True)
class ConsumerOptions:
    """How a consumer works.

    Args:
        concurrency: how many ordering keys are worked on at the same time.
        transaction_batch: the most messages that share a transaction. If one of them fails, each
            is handled in a transaction of its own.
        prefetch: the most messages that are held, handled or not, before they are settled.
        max_attempts: how many times handling a message is begun before it becomes a dead letter.
        backoff: the waits between the attempts.
        reconnect: the waits while the broker or the database is down; these count no attempt.
        hopeless: the errors after which a message becomes a dead letter at once.
        on_unknown: what to do with a message of an unknown type: ``skip`` it, ``bury`` it as a
            dead letter, or ``stop``.
        on_dead_letter: what to do with the messages behind a dead letter that have the same
            ordering key: let them ``pass``, or ``bury`` them too, to be replayed in order.
        retention: how long marks are kept; a message that is delivered again later is handled
            again.
        timeout: how long handling a message may take, in seconds, as for *execute* of a bus; None
            if there is no limit. A message that takes longer has failed.
        lease: how long a process that does not answer keeps its partitions, in seconds.

    Raises:
        ConfigurationError: an option is wrong.
    """

    concurrency: int = 1
    transaction_batch: int = 1
    prefetch: int = 200
    max_attempts: int = 8
    backoff: Backoff = field(default_factory=Backoff)
    reconnect: Backoff = field(default_factory=partial(Backoff, longest=5.0))
    hopeless: Collection[type[Exception]] = ()
    on_unknown: Literal["skip", "bury", "stop"] = "skip"
    on_dead_letter: Literal["pass", "bury"] = "pass"
    retention: timedelta = timedelta(days=7)
    lease: float = 10.0
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Refuse options that cannot work."""
        ensure_whole("concurrency", self.concurrency, most=1_000)
        ensure_whole("transaction_batch", self.transaction_batch, most=LARGEST_BATCH)
        ensure_whole("prefetch", self.prefetch, most=LARGEST_BATCH)
        ensure_whole("max_attempts", self.max_attempts)
        ensure_number("lease", self.lease, least=1.0)
        if self.timeout is not None:
            ensure_number("timeout", self.timeout)
        ensure_duration("retention", self.retention)
        _ensure_one_of("on_unknown", self.on_unknown, ("skip", "bury", "stop"))
        _ensure_one_of("on_dead_letter", self.on_dead_letter, ("pass", "bury"))


def ensure_name(name: object) -> None:
    """Ensure that a consumer can have a name.

    Raises:
        ConfigurationError: it is empty, too long, or no text, or stands for a listener.
    """
    if isinstance(name, str) and name.startswith(LISTENER):
        text = f"A consumer cannot be named {name[:LONGEST_NAME]!r}"
        advice = f"Names that begin with {LISTENER!r} are those of listeners that were isolated."
        raise ConfigurationError(text, advice=advice)
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        text = f"The name of a consumer has 1 to {LONGEST_NAME} printable characters, not {name!r}"
        raise ConfigurationError(text)


def _ensure_one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        text = f"{name} must be {' or '.join(map(repr, choices))}, not {value!r}"
        raise ConfigurationError(text)

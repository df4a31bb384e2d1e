"""The status of a consumer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConsumerStatus:
    """What a consumer does and has done since it was created.

    Attributes:
        running: whether it runs.
        connected: whether its source was connected when it was last used.
        held: how many messages it holds that are not settled.
        partitions: the partitions that it has leased; None if it leases none.
        handled: how many messages it has handled.
        duplicates: how many messages it has passed over because they were handled before.
        skipped: how many messages of unknown types it has passed over.
        retried: how many times handling a message has failed and was tried again later.
        buried: how many messages have become dead letters.
        last_error: the last error, on one line; None if none is left.
    """

    running: bool
    connected: bool
    held: int
    partitions: tuple[int, ...] | None
    handled: int
    duplicates: int
    skipped: int
    retried: int
    buried: int
    last_error: str | None


@dataclass
class Counts:
    """How often something has happened to a message."""

    handled: int = 0
    duplicates: int = 0
    skipped: int = 0
    retried: int = 0
    buried: int = 0

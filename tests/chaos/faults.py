"""The points at which a process is killed or frozen without warning."""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from messagebus.exceptions import BatchSendError
from messagebus.service._sync.eventstream import SyncAbstractEventstreamTransport


class Point(Enum):
    """The fault points. Those of a statement lie after it and before the commit."""

    INSERTED = "after the insert, before the commit"
    COMMITTED = "after the commit, before anything is sent"
    CLAIMED = "a batch is claimed, and the claim not committed"
    SENDING = "the claim is committed, nothing of the batch is sent"
    HALF_SENT = "in the middle of a batch"
    SENT = "the batch is sent, nothing of it is marked"
    MARKED = "the batch is marked, and the mark not committed"
    TAKING_OVER = "the lease is taken over, and that not committed"
    COUNTING = "lost attempts are counted, and the count not committed"
    TAKEN_OVER = "the lease is taken over, nothing else is done"
    PURGING = "sent messages are deleted, and that not committed"
    PURGED = "sent messages are deleted"
    RECEIVED = "messages are received, none is handled"
    MARKING = "a message is marked, and the mark not committed"
    APPLYING = "a message is applied, and that not committed"
    BURYING = "a dead letter is written, and that not committed"
    APPLIED = "messages are applied, none is settled"
    SETTLED = "messages are settled"
    MOVED = "the position of a replay has moved, and that not committed"
    REPLAYED = "a batch is replayed"


_STATEMENTS = {
    Point.INSERTED: r"INSERT INTO \w*messages ",
    Point.CLAIMED: r"UPDATE \w*lease SET expires_at=.*sending_from",
    Point.MARKED: r"UPDATE \w*messages SET state=",
    Point.TAKING_OVER: r"UPDATE \w*lease SET .*holder=",
    Point.COUNTING: r"UPDATE \w*messages SET attempts=.* BETWEEN ",
    Point.PURGING: r"DELETE FROM \w*messages ",
    Point.MARKING: r"INSERT INTO \w*inbox ",
    Point.APPLYING: r"INSERT INTO applied ",
    Point.BURYING: r"INSERT INTO \w*dead_letters ",
    Point.MOVED: r"UPDATE \w*replays SET position=",
}
_RECORDS = {Point.TAKEN_OVER: "relay.leading", Point.PURGED: "relay.purged"}

READING = (
    Point.RECEIVED,
    Point.MARKING,
    Point.APPLYING,
    Point.BURYING,
    Point.APPLIED,
    Point.SETTLED,
)
"""The points that a consumer passes."""
REBUILDING = (Point.MOVED, Point.APPLYING, Point.REPLAYED)
"""The points that a replay passes."""
WRITING = tuple(point for point in Point if point not in {*READING, *REBUILDING})
"""The points that a writer or a relay passes."""
ONCE_IN_A_LIFE = {Point.TAKING_OVER, Point.COUNTING, Point.TAKEN_OVER}
"""The points that a sole leader passes only once."""
DELETING = {Point.PURGING, Point.PURGED}
"""The points that only a relay with a retention passes."""


@dataclass(frozen=True)
class Fault:
    """A signal for a process that passes a point.

    Attributes:
        point: the point.
        count: the number of times that the process passes the point, the last one included.
        signal: the signal.
    """

    point: Point
    count: int = 1
    signal: signal.Signals = signal.SIGKILL


class Trap(logging.Handler):
    """Counts the passes of a fault's point, and triggers the fault.

    Args:
        fault: the fault; None for none.
    """

    def __init__(self, fault: Fault | None) -> None:
        super().__init__()
        self._fault = fault
        self._left = 0 if fault is None else fault.count

    def passes(self, point: Point) -> None:
        """Record that the process passes a point."""
        if self._fault is not None and self._fault.point is point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._fault.signal)

    def watch(self, engine: sa.Engine) -> None:
        """Watch the statements of an engine and the log of the relay."""
        point = None if self._fault is None else self._fault.point
        if point in _RECORDS:
            logging.getLogger("messagebus.relay").addHandler(self)
        if point in _STATEMENTS:
            pattern = re.compile(_STATEMENTS[point], re.DOTALL)

            def executed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
                if pattern.match(statement):
                    self.passes(point)

            sa.event.listen(engine, "after_cursor_execute", executed)

    def emit(self, record: logging.LogRecord) -> None:
        """Derive the passed point from a log record."""
        for point, event in _RECORDS.items():
            if getattr(record, "event", None) == event:
                self.passes(point)


class TrappedTransport(SyncAbstractEventstreamTransport):
    """A transport with fault points before, between and after the halves of each batch."""

    def __init__(self, transport: SyncAbstractEventstreamTransport, trap: Trap) -> None:
        self._transport = transport
        self._trap = trap

    def send_message_serialized(self, message: Mapping[str, Any]) -> None:
        """Send a message, which has no halves."""
        self.send_messages_serialized([message])

    def send_messages_serialized(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send one half, then the other."""
        self._trap.passes(Point.SENDING)
        middle = (len(messages) + 1) // 2
        self._transport.send_messages_serialized(messages[:middle])
        if middle < len(messages):
            self._trap.passes(Point.HALF_SENT)
            try:
                self._transport.send_messages_serialized(messages[middle:])
            except BatchSendError as error:
                raise BatchSendError(middle + error.sent) from error.__cause__
        self._trap.passes(Point.SENT)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

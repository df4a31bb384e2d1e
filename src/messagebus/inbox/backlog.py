"""The messages that a consumer has received and not settled."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ..domain.model import Message
from .dead_letter import DeadLetter
from .delivery import Delivery


@dataclass(slots=True, eq=False)
class Held:
    """A message in the backlog.

    Attributes:
        delivery: the message as it came.
        id: its identifier.
        key: its ordering key.
        correlation_id: the first message of its cascade.
        message: the message of its class; None if there is none.
        alone: whether it is handled in a transaction of its own.
        counted: whether each attempt is counted in the inbox before it begins.
        noted: whether the inbox remembers its attempts.
        attempts: how many times handling it has begun.
        unseen: whether it waits until the inbox tells whether it came before.
        has_begun: whether the present attempt was counted and has ended without an outcome.
        ready_at: when it may be handled, by the monotonic clock.
        letter: the dead letter that is to be written for it.
    """

    delivery: Delivery
    id: UUID
    key: str | None = None
    correlation_id: UUID | None = None
    message: Message[Any] | None = None
    alone: bool = False
    counted: bool = False
    noted: bool = False
    unseen: bool = False
    attempts: int = 0
    has_begun: bool = False
    ready_at: float = 0.0
    letter: DeadLetter | None = None


def those_of(ids: Collection[UUID], held: Sequence[Held]) -> Sequence[Held]:
    """Return the messages with some identifiers, each once, even if it came twice."""
    if len(ids) == len(held):  # as usual
        return held
    first = {each.id: each for each in reversed(held)}
    return [each for each in held if each.id in ids and first[each.id] is each]


class Backlog:
    """The messages that were received, in lanes that are worked on at the same time.

    All messages with one ordering key are in one lane. While one of them waits for another
    attempt, those behind it with the same key wait as well, and the others of the lane pass.

    Args:
        lanes: the number of lanes.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes: list[deque[Held]] = [deque() for _ in range(lanes)]
        self._working: list[list[Held]] = [[] for _ in range(lanes)]
        self._done: list[Delivery] = []
        self._settling: list[Delivery] = []
        self._size = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The number of messages that are not settled."""
        return self._size

    @property
    def done(self) -> int:
        """The number of messages that are done since *settling* was last called."""
        return len(self._done)

    def add(self, held: Iterable[Held]) -> None:
        """Append messages."""
        with self._lock:
            for each in held:
                self._lanes[self._lane_of(each.key)].append(each)
                self._size += 1

    def take(self, lane: int, most: int, now: float) -> Sequence[Held]:
        """Take the next messages of a lane; its worker finishes them or puts them back.

        Returns:
            Up to *most* messages that can share a transaction, or one that needs its own; none if
            all wait for another attempt.
        """
        with self._lock:
            taken: list[Held] = []
            blocked: set[str | None] = set()
            queue = self._lanes[lane]
            for each in queue:
                if each.unseen:
                    break
                if each.key in blocked:
                    continue
                if each.ready_at > now:
                    blocked.add(each.key)
                    continue
                if each.alone and taken:
                    break
                taken.append(each)
                if each.alone or len(taken) == most:
                    break
            if not taken:
                return taken
            self._working[lane] = taken
            if taken[-1] is queue[len(taken) - 1]:  # none was passed over, as usual
                for _ in taken:
                    queue.popleft()
            else:
                chosen = set(map(id, taken))
                self._lanes[lane] = deque(each for each in queue if id(each) not in chosen)
            return taken

    def finish(self, lane: int, done: Sequence[Held]) -> None:
        """Note that messages of the lane are handled, so that they can be settled."""
        with self._lock:
            self._leave(lane, done)
            self._done.extend(each.delivery for each in done)

    def forget(self, lane: int, lost: Sequence[Held]) -> None:
        """Forget messages of the lane that belong to another process now."""
        with self._lock:
            self._leave(lane, lost)
            self._size -= len(lost)

    def put_back(self, lane: int) -> None:
        """Put what was taken and is not done back to the head of the lane, in order."""
        with self._lock:
            self._lanes[lane].extendleft(reversed(self._working[lane]))
            self._working[lane] = []

    def settling(self) -> Sequence[Delivery]:
        """Return the messages to settle: those that are done, and those not *settled* before."""
        with self._lock:
            self._settling += self._done
            self._done = []
            return [*self._settling]

    def settled(self) -> None:
        """Note that what *settling* has returned is settled."""
        with self._lock:
            self._size -= len(self._settling)
            self._settling = []

    def take_rest(self) -> list[Held]:
        """Take all messages that nobody works on."""
        with self._lock:
            rest = [each for lane in self._lanes for each in lane]
            for lane in self._lanes:
                lane.clear()
            self._size -= len(rest)
            return rest

    def unsettled(self) -> list[Delivery]:
        """Return all messages that are not settled."""
        with self._lock:
            held = [each.delivery for lane in (*self._lanes, *self._working) for each in lane]
            return [*self._settling, *self._done, *held]

    def next_ready(self, lane: int) -> float | None:
        """Return when the next message of a lane may be handled; None if it has none."""
        with self._lock:
            # Those behind another one with their key wait for it, however soon they may begin.
            heads: dict[str | None, float] = {}
            for each in self._lanes[lane]:
                if heads.setdefault(each.key, each.ready_at) <= 0:
                    return 0.0
            return min(heads.values(), default=None)

    def _leave(self, lane: int, held: Sequence[Held]) -> None:
        left = set(map(id, held))
        self._working[lane] = [each for each in self._working[lane] if id(each) not in left]

    def _lane_of(self, key: str | None) -> int:
        return (
            0
            if key is None
            else zlib.crc32(key.encode("utf-8", "surrogatepass")) % len(self._lanes)
        )

"""The progress in a partition: which of its records are settled."""

from __future__ import annotations

from collections import deque


class Progress:
    """The records that were received from a partition, and how far all of them are settled.

    Attributes:
        committed: the offset that was committed last, or from which records were received.
        following: the offset behind the last record that was received; 0 before the first.
    """

    def __init__(self) -> None:
        self.committed: int = 0
        self.following: int = 0
        self._unfinished: deque[int] = deque()
        self._settled: set[int] = set()

    @property
    def is_behind(self) -> bool:
        """Whether a record that was received is not settled."""
        return bool(self._unfinished)

    @property
    def owed(self) -> int | None:
        """The offset to commit, before which all is settled; None if it is committed."""
        offset = self._unfinished[0] if self._unfinished else self.following
        return None if offset == self.committed else offset

    def receive(self, offset: int) -> None:
        """Note that the next record was received."""
        if not self.following:
            self.committed = offset
        self._unfinished.append(offset)
        self.following = offset + 1

    def settle(self, offset: int) -> None:
        """Note that a record is settled; doing so again is harmless."""
        if self._unfinished and offset >= self._unfinished[0]:
            self._settled.add(offset)
        while self._unfinished and self._unfinished[0] in self._settled:
            self._settled.remove(self._unfinished.popleft())

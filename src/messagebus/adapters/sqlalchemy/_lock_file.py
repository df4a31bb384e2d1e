"""A lock on a file, which the operating system releases when the process of its holder ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]


class LockFile:
    """A file that is locked by its holder, and names it.

    The file is never deleted: somebody might be about to lock it.

    Args:
        path: the file; it is created when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def hold(self, holder: str) -> bool:
        """Lock the file, and name its holder; return whether it is held now."""
        if self._descriptor is not None:
            return True
        descriptor = self._lock()
        if descriptor is None:
            return False
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def was_left_by(self, holder: str) -> bool:
        """Return whether this holder has held the file last, and its process has ended."""
        descriptor = self._lock()
        if descriptor is None:
            return False
        try:
            return os.pread(descriptor, 4096, 0) == holder.encode()
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Let somebody else hold the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _lock(self) -> int | None:
        """Return the descriptor of the file, locked; None if that is not possible."""
        if fcntl is None:  # pragma: no cover - Windows
            return None
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            return None
        try:
            # Unlike a lock by fcntl, this one belongs to the open file: two relays in one process
            # exclude each other, and closing another descriptor does not release it.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

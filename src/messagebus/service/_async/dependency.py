"""What a listener may ask for beside the message and the unit of work."""

from __future__ import annotations

import abc

from ...exceptions import MissingDependencyError

__all__ = ["AsyncDependency", "MissingDependencyError"]


class AsyncDependency(abc.ABC):
    """A dependency that hears how the transaction it was used in has ended.

    Any object with these two methods is one; inheriting is a way to be reminded of them.
    """

    @abc.abstractmethod
    async def on_after_commit(self) -> None:
        """Act on the commit. An error raised here does not undo it."""

    @abc.abstractmethod
    async def on_after_rollback(self) -> None:
        """Act on the rollback."""

    @classmethod
    def __subclasshook__(cls, subclass: type, /) -> bool:
        if cls is not AsyncDependency:
            return super().__subclasshook__(subclass)
        return hasattr(subclass, "on_after_commit") and hasattr(subclass, "on_after_rollback")

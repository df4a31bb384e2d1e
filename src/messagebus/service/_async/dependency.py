"""Dependencies that are notified of the end of a transaction."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any

from ..._compat.aio import adapt_methods, finish
from ...exceptions import MissingDependencyError

__all__ = ["AsyncDependency", "MissingDependencyError"]


class AsyncDependency(abc.ABC):
    """A dependency that is notified when the transaction it was used in ends.

    Any object with these two methods is one; inheriting is optional.
    """

    @abc.abstractmethod
    async def on_after_commit(self) -> None:
        """React to the commit. An error raised here does not undo it."""

    @abc.abstractmethod
    async def on_after_rollback(self) -> None:
        """React to the rollback."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adapt_methods(cls)

    @classmethod
    def __subclasshook__(cls, subclass: type, /) -> bool:
        if cls is not AsyncDependency:
            return super().__subclasshook__(subclass)
        return hasattr(subclass, "on_after_commit") and hasattr(subclass, "on_after_rollback")


async def notify(dependencies: Iterable[AsyncDependency], hook: str) -> None:
    """Call a hook of every dependency, then raise the failures together."""
    failures: list[Exception] = []
    interruption: BaseException | None = None
    for dependency in dependencies:
        try:
            call = getattr(dependency, hook)
            await finish(call(), call)
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)
        except BaseException as failure:  # noqa: BLE001
            interruption = failure
    if failures:
        group = ExceptionGroup(f"{hook} failed; the {hook[9:]} stands", failures)
        if interruption is None:
            raise group
        interruption.add_note(f"Besides: {group!r}")
    if interruption is not None:
        raise interruption

"""What a *handle* keeps of the dependencies that live as long as it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from ..._compat.aio import AnyGenerator, enter, exit, throw
from ..._compat.generators import reraise


class AsyncHandleScope:
    """What dependencies with the scope of a *handle* have given, until it ends."""

    __slots__ = ("_opened", "kept")

    def __init__(self) -> None:
        self.kept: dict[object, Any] = {}
        """What has been given already, by the keys of the dependencies."""
        self._opened: list[AnyGenerator] = []

    async def keep(self, key: object, value: Any, opens: bool) -> Any:
        """Return the value of a dependency that has just been called, and keep it.

        Args:
            key: what it is kept by; None if another call is to give another value.
            value: what the call has returned.
            opens: whether that, if it is a generator, is to be opened.
        """
        value = await enter(value, opens, self._opened)
        if key is not None:
            self.kept[key] = value
        return value

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            await throw_into(self._opened, error)
            return
        try:
            while self._opened:
                await exit(self._opened.pop())
        except BaseException as failure:
            await throw_into(self._opened, failure)
            raise


async def throw_into(opened: list[AnyGenerator], error: BaseException) -> None:
    """Throw an error into the generators, the youngest first; raise what replaces it, if any."""
    failure = error
    try:
        while opened:
            failure = await throw(opened.pop(), failure)
        if failure is not error:
            reraise(failure)
    finally:
        del error, failure  # or its traceback would keep it alive

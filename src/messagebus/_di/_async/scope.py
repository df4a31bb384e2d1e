"""The scope of one *handle* call: the dependencies that live as long as it."""

from __future__ import annotations

from typing import Any

from ..._compat.aio import AnyGenerator, enter, exit, throw
from ..._compat.generators import reraise


class AsyncHandleScope:
    """Keeps the results of dependencies that live until the *handle* call ends."""

    __slots__ = ("_opened", "values")

    def __init__(self) -> None:
        self.values: dict[object, Any] = {}
        """The results so far, by the keys of the dependencies."""
        self._opened: list[AnyGenerator] = []

    async def keep(self, key: object, value: Any, opens: bool) -> Any:
        """Return the value of a dependency that has just been called, and keep it.

        Args:
            key: the key to keep it under; None if the next call must make another value.
            value: the result of the call.
            opens: whether to open the result if it is a generator.
        """
        value = await enter(value, opens, self._opened)
        if key is not None:
            self.values[key] = value
        return value

    async def end(self, error: BaseException | None = None) -> None:
        """Resume open generators, the youngest first, or throw the error of the call into them.

        Raises:
            BaseException: the error of a generator, which has been thrown into the others.
        """
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
    """Throw an error into open generators, the youngest first.

    Raises:
        BaseException: the error with which a generator replaced it.
    """
    failure = error
    try:
        while opened:
            failure = await throw(opened.pop(), failure)
        if failure is not error:
            reraise(failure)
    finally:
        del error, failure  # their tracebacks refer to this frame, which would keep them alive

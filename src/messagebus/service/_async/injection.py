"""Calling a function with its dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ..._seam.aio import WAITS, AnyGenerator, callee, failed, finished, received
from ..code import Colour
from ..generators import reraise
from ..injection import Injection
from ..plan import Root
from ..provider import Provider


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
        value = await received(value, opens, self._opened)
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
            await _failed(self._opened, error)
            return
        try:
            while self._opened:
                await finished(self._opened.pop())
        except BaseException as failure:
            await _failed(self._opened, failure)
            raise


class AsyncInjection(Injection):
    """A function that is called with its dependencies.

    Args:
        function: the function.
        provider: the overrides that hold for it.
        roots: what dependencies may ask for by annotation.
        given: how many arguments its caller gives, so that all others have to be filled; None
            if the caller may give any.
        localns: names for annotations that mention what is local to the caller.
        in_handle: whether it is called as a part of a *handle*.

    Raises:
        ConfigurationError: a parameter can not be filled, or dependencies need each other.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        provider: Provider,
        roots: Sequence[Root] = (),
        *,
        given: int | None = None,
        localns: Mapping[str, Any] | None = None,
        in_handle: bool = False,
    ) -> None:
        super().__init__(
            function,
            callee(function),
            _COLOUR,
            provider,
            roots,
            given=given,
            localns=localns,
            in_handle=in_handle,
        )

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with these arguments, and with what fills its other parameters."""
        if kwargs:
            call = self.calls.get((len(args), *kwargs)) or self.caller(len(args), tuple(kwargs))
            return call(*args, *kwargs.values())
        call = self.calls.get(len(args)) or self.caller(len(args))
        return call(*args)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any], scope: AsyncHandleScope) -> Any:
        """Call the function as a part of a *handle*, with what fills its other parameters.

        Args:
            args: the arguments without a name.
            kwargs: the arguments with a name.
            scope: keeps what lives as long as the *handle*.
        """
        shape = (len(args), *kwargs) if kwargs else len(args)
        call = self.calls.get(shape) or self.caller(len(args), tuple(kwargs))
        return call(scope, *args, *kwargs.values())


async def _failed(opened: list[AnyGenerator], error: BaseException) -> None:
    """Throw an error into the generators, the youngest first; raise what replaces it, if any."""
    failure = error
    try:
        while opened:
            failure = await failed(opened.pop(), failure)
        if failure is not error:
            reraise(failure)
    finally:
        del error, failure  # or its traceback would keep it alive


_COLOUR = Colour(WAITS, received, finished, _failed)

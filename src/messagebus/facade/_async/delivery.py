"""Handing one message to all who receive it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..._compat.generators import reraise


async def deliver(receivers: Iterable[Callable[..., Any]], *message: Any) -> None:
    """Call each receiver with the message, one after the other, even if some fail.

    Only what is no `Exception`, such as a cancellation or an interrupt, ends it at once; it then
    has the failures before it as its cause.

    Raises:
        Exception: what the only receiver that failed has raised.
        ExceptionGroup: several have failed; their failures in order.
    """
    failures: list[Exception] = []
    try:
        for receiver in receivers:
            try:
                await receiver(*message)
            except Exception as failure:  # noqa: BLE001 - raised when all have it
                failures.append(failure)
            except BaseException as end:
                if failures:
                    raise end from _group(failures)
                raise
        if len(failures) == 1:
            reraise(failures[0])
        if failures:
            raise _group(failures)
    finally:
        failures.clear()  # or they would be kept alive by their own tracebacks


def _group(failures: list[Exception]) -> ExceptionGroup[Exception]:
    return ExceptionGroup("receivers of a message have failed", failures)

"""Delivery of one message to all its receivers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..._compat.aio import adapt, ensure_finished
from ..._compat.generators import reraise
from ..._di.injection import Injection


async def deliver(receivers: Iterable[Callable[..., Any]], *message: Any) -> None:
    """Call each receiver with the message in turn, even if some fail.

    Only an error that is no `Exception`, such as a cancellation or an interrupt, stops delivery.
    The failures before it become its cause.

    Raises:
        Exception: the error of the only receiver that failed.
        ExceptionGroup: the errors of several receivers, in order.
    """
    failures: list[Exception] = []
    try:
        for receiver in receivers:
            try:
                outcome = await receiver(*message)
                if outcome is not None:
                    ensure_finished(outcome, _function_of(receiver))
            except Exception as failure:  # noqa: BLE001 - raised after the last receiver
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
        failures.clear()  # their tracebacks refer to this frame, which would keep them alive


def receiver_of(own: type, component: object, receive: Callable[..., Any]) -> Callable[..., Any]:
    """Return what delivers to a component: its method, adapted if it may be of another colour.

    Args:
        own: the class of components of this colour, whose method needs no look.
        component: the component.
        receive: its method.
    """
    return receive if type(component) is own else adapt(receive)


def _function_of(receiver: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function whose dependencies a receiver fills; the receiver itself if none."""
    injection = getattr(receiver, "__self__", None)
    return injection.function if isinstance(injection, Injection) else receiver


def _group(failures: list[Exception]) -> ExceptionGroup[Exception]:
    return ExceptionGroup("several receivers of a message failed", failures)

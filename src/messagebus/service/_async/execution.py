"""The execution of a message: handled in a transaction that is committed, and tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from ..._compat.logs import get_logger
from ..._compat.waits.aio import sleep, until
from ..._ranges import ensure_number
from ...domain.model import Message
from ...exceptions import ConfigurationError, DeadlineExceededError
from ...retry import Retry
from ..deadline import ensure_in_time
from ..transaction_status import TransactionStatus
from .transaction import AsyncUnitOfWorkTransaction
from .unit_of_work import AsyncAbstractUnitOfWork

_ONCE = Retry(attempts=1)


async def execute(
    handle: Callable[..., Any],
    message: Message[Any],
    uow: AsyncAbstractUnitOfWork[Any] | Callable[[], AsyncAbstractUnitOfWork[Any]],
    retry: Retry | None,
    timeout: float | None,
    dependencies: Mapping[str, Any],
) -> Any:
    """Handle a message in a transaction that is committed; begin again after some errors.

    Args:
        handle: handles a message in a transaction.
        message: the message.
        uow: the unit of work, or what creates one for each attempt.
        retry: how often to begin again, and after which errors; None for never.
        timeout: how long handling may take, in seconds, all attempts included; None for ever.
        dependencies: what listeners ask for by name.
    """
    deadline = None
    if timeout is not None:
        ensure_number("timeout", timeout)
        deadline = monotonic() + timeout
    retry = retry or _ONCE
    attempt = 0
    while True:
        attempt += 1
        work = unit_of_work_of(uow, "execute")
        transaction: AsyncUnitOfWorkTransaction[Any] | None = None
        try:
            async with work as transaction:
                result = await handle_in_time(handle, message, transaction, deadline, dependencies)
                await transaction.commit()
        except Exception as error:
            if transaction is not None and transaction.status is not TransactionStatus.rolledback:
                raise  # the commit stands
            if attempt >= retry.attempts or not retry.covers(error, work.is_transient):
                raise
            delay = retry.backoff.delay(attempt)
            if deadline is not None and monotonic() + delay >= deadline:
                raise DeadlineExceededError(message) from error
            get_logger().warning(
                "%s %s was rolled back, attempt %d of %d, next in %.3f s: %s",
                type(message).__qualname__,
                message.message_id,
                attempt,
                retry.attempts,
                delay,
                error,
                extra={
                    "event": "execute.retried",
                    "message_type": type(message).__qualname__,
                    "message_id": str(message.message_id),
                    "attempt": attempt,
                },
            )
            await sleep(delay)
        else:
            return result


def unit_of_work_of(
    uow: AsyncAbstractUnitOfWork[Any] | Callable[[], AsyncAbstractUnitOfWork[Any]], taker: str
) -> AsyncAbstractUnitOfWork[Any]:
    """Return a unit of work, or what creates one, as a unit of work.

    Args:
        uow: the unit of work, or what creates one.
        taker: what it was passed to.

    Raises:
        ConfigurationError: it is neither.
    """
    work: object = uow
    if not isinstance(uow, AsyncAbstractUnitOfWork) and callable(uow):
        work = uow()
    if isinstance(work, AsyncAbstractUnitOfWork):
        return work
    if isinstance(work, AsyncUnitOfWorkTransaction):
        text = f"{taker} takes a unit of work, not a transaction"
        raise ConfigurationError(text, advice="With a transaction, call handle.")
    base = AsyncAbstractUnitOfWork.__name__
    text = f"{taker} takes a unit of work ({base}), not {work!r}"
    raise ConfigurationError(text, advice="Pass one, or a function that creates one.")


async def handle_in_time(
    handle: Callable[..., Any],
    message: Message[Any],
    transaction: AsyncUnitOfWorkTransaction[Any],
    deadline: float | None,
    dependencies: Mapping[str, Any],
) -> Any:
    """Handle a message in a transaction before a deadline.

    Args:
        handle: handles a message in a transaction.
        message: the message.
        transaction: the transaction, which is told the deadline.
        deadline: the end of the time, as *monotonic* counts it; None for the transaction's own.
        dependencies: what listeners ask for by name.

    Raises:
        DeadlineExceededError: the time is up.
    """
    if deadline is not None:
        transaction.deadline = deadline
        ensure_in_time(deadline, message)
    if transaction.deadline is None:
        result = await handle(message, transaction, **dependencies)
    else:
        async with until(transaction.deadline, message):
            result = await handle(message, transaction, **dependencies)
    ensure_in_time(transaction.deadline, message)
    return result

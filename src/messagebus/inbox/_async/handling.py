"""Handling what a consumer holds: each message in a transaction, with its mark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from ..._error_text import brief
from ...exceptions import (
    AttemptsExhaustedError,
    BehindDeadLetterError,
    ConsumerStoppedError,
    UnknownMessageTypeError,
)
from ...serialization.deserializer import AbstractMessageDeserializer
from ...service._async.execution import handle_in_time
from ...service._async.registry import AsyncMessageBus
from ...service._async.unit_of_work import AsyncAbstractUnitOfWork, AsyncUnitOfWorkTransaction
from ...service.causation import Received
from ...service.transaction_status import TransactionStatus
from ..backlog import Backlog, Held, those_of
from ..dead_letter import DeadLetter
from ..options import ConsumerOptions
from ..outages import OutageError, log
from ..status import Counts
from .arrivals import AsyncArrivals
from .inbox import AsyncAbstractInbox
from .middleware import AsyncInterceptable

_NO_STORE = (
    "Give the consumer a unit of work with an inbox, such as that of SQLAlchemy, which keeps dead "
    "letters; or let the listener deal with the error."
)
_NO_TYPE = "Register a listener for its type, or let the consumer skip or bury unknown types."


class AsyncHandling:
    """Handles the messages of a backlog.

    Args:
        name: the name of the consumer.
        bus: has the listeners.
        new_unit_of_work: creates a unit of work for each transaction.
        deserializer: creates the messages.
        options: how to work.
        dependencies: the dependencies that listeners ask for by name.
        backlog: the messages.
        consumer: has the source and the middleware.

    Attributes:
        counts: what has happened to messages.
        buried_keys: the ordering keys of the dead letters.
        arrivals: the messages that may have come before.
    """

    def __init__(
        self,
        name: str,
        bus: AsyncMessageBus[Any],
        new_unit_of_work: Callable[[], AsyncAbstractUnitOfWork[Any]],
        deserializer: AbstractMessageDeserializer,
        options: ConsumerOptions,
        dependencies: Mapping[str, Any],
        backlog: Backlog,
        consumer: AsyncInterceptable,
    ) -> None:
        self._name = name
        self._bus = bus
        self._new_unit_of_work = new_unit_of_work
        self._deserializer = deserializer
        self._options = options
        self._dependencies = dependencies
        self._backlog = backlog
        self._consumer = consumer
        self.arrivals: AsyncArrivals = AsyncArrivals(name, consumer.source, backlog)
        # Several workers would wait for each other in the transactions of their handlers.
        self._is_alone = options.concurrency == 1
        self._hopeless = tuple(options.hopeless)
        self.counts = Counts()
        self.buried_keys: set[str | None] = set()

    async def handle(self, lane: int, taken: Sequence[Held]) -> None:
        """Handle messages of a lane; those that are done are finished, the others go back to it.

        Raises:
            OutageError: the database cannot be used now.
            ConsumerStoppedError: a message can neither be handled nor put aside.
        """
        try:
            ready = [each for each in taken if self._is_to_handle(lane, each)]
            if len(ready) > 1 and all(each.letter is None for each in ready):
                await self._handle_together(lane, ready)
                return
            for each in ready:
                # What failed keeps its place in front of the others.
                if not await self._handle_alone(lane, each):
                    return
        finally:
            self._backlog.put_back(lane)

    async def _handle_together(self, lane: int, ready: Sequence[Held]) -> None:
        failure = await self._apply(ready)
        if failure is None:
            self._backlog.finish(lane, ready)
            return
        text = "a shared transaction failed, so each message gets its own: %s"
        log.debug(text, brief(failure), extra={"event": "consumer.split"})
        for each in ready:
            each.alone = True

    async def _handle_alone(self, lane: int, held: Held) -> bool:
        """Handle a message, or bury it; return whether it is done."""
        if held.letter is None and not await self._attempt(held):
            return False
        if held.letter is not None:
            await self._bury(held.letter)
        self._backlog.finish(lane, [held])
        return True

    async def _attempt(self, held: Held) -> bool:
        """Try to handle a message; return False if it is to be tried again later."""
        most = self._options.max_attempts
        if not held.has_begun:
            held.attempts = await self._begin(held) if held.counted else 1
        if held.attempts > most:
            held.letter = self._letter(held, AttemptsExhaustedError(held.id, held.attempts - 1))
            return True
        held.has_begun = True
        failure = await self._apply([held])
        held.has_begun = False
        if failure is None:
            return True
        held.alone = held.counted = True
        if held.attempts >= most or isinstance(failure, self._hopeless):
            held.letter = self._letter(held, failure)
            return True
        delay = self._options.backoff.delay(held.attempts)
        held.ready_at = monotonic() + delay
        self.counts.retried += 1
        log.warning(
            "the message %s was not handled, attempt %d of %d, next in %.1f s: %s",
            held.id,
            held.attempts,
            most,
            delay,
            brief(failure),
            extra={
                "event": "consumer.failed",
                "message_id": str(held.id),
                "attempts": held.attempts,
            },
        )
        return False

    async def _apply(self, ready: Sequence[Held]) -> Exception | None:
        """Handle messages in one transaction, after all middleware; return what has failed."""
        return await self._consumer.apply_through(ready, self._transact)

    async def _transact(self, ready: Sequence[Held]) -> Exception | None:
        """Handle messages in one transaction with their marks; return the error of a handler.

        Raises:
            OutageError: the database cannot be used now.
        """
        inbox: AsyncAbstractInbox | None = None
        transaction: AsyncUnitOfWorkTransaction[Any] | None = None
        handle, dependencies, timeout = self._bus.handle, self._dependencies, self._options.timeout
        handled = 0
        notes_arrivals = False
        try:
            async with self._new_unit_of_work() as transaction:
                inbox = getattr(transaction.uow, "inbox", None)
                ids = [each.id for each in ready]
                fresh = set(ids) if inbox is None else await inbox.mark(self._name, ids)
                for held in those_of(fresh, ready):
                    message: Any = held.message
                    transaction.received = Received(message, held.correlation_id)
                    deadline = None if timeout is None else monotonic() + timeout
                    if deadline is None and transaction.deadline is None:
                        await handle(message, transaction, **dependencies)
                    else:
                        await handle_in_time(handle, message, transaction, deadline, dependencies)
                    handled += 1
                noted = [each.id for each in ready if each.noted]
                if inbox is not None and noted:
                    await inbox.forget(self._name, noted)
                # Last, so that what was received meanwhile need not wait for the next one.
                if inbox is not None and self._is_alone and self.arrivals.is_due:
                    notes_arrivals = True
                    await self.arrivals.note(inbox)
                if handled or noted or notes_arrivals:
                    await transaction.commit()
                else:
                    await transaction.rollback()
        except Exception as failure:
            if transaction is None or (inbox is not None and inbox.may_pass(failure)):
                raise OutageError from failure
            if transaction.status is TransactionStatus.rolledback:
                return failure
            # What comes after a commit does not undo it.
            log.error(
                "handled, but what follows the commit has failed: %s",
                brief(failure),
                exc_info=failure,
                extra={"event": "consumer.after_commit"},
            )
        if notes_arrivals:
            self.arrivals.end()
        self.counts.handled += handled
        self.counts.duplicates += len(ready) - handled
        return None

    async def _begin(self, held: Held) -> int:
        """Count an attempt before it begins, so that it counts even if it ends the process."""
        attempts = held.attempts + 1

        async def count(inbox: AsyncAbstractInbox) -> None:
            nonlocal attempts
            if not await inbox.marked(self._name, [held.id]):  # nothing is begun of what is done
                attempts = await inbox.begin_attempt(self._name, held.id)
                held.noted = True

        await self.with_inbox(count)
        return attempts

    async def _bury(self, letter: DeadLetter) -> None:
        """Keep a dead letter.

        Raises:
            ConsumerStoppedError: the unit of work has no place for it.
        """

        async def bury(inbox: AsyncAbstractInbox) -> None:
            await inbox.bury(letter)

        if not await self.with_inbox(bury):
            raise ConsumerStoppedError(self._name, letter.message_id, letter.error, _NO_STORE)
        self.counts.buried += 1
        if self._options.on_dead_letter == "bury" and letter.wire is not None:
            self.buried_keys.add(letter.wire.get("ordering_key"))
        log.error(
            "the message %s is a dead letter now, after %d attempt(s): %s: %s",
            letter.message_id,
            letter.attempts,
            letter.error_type,
            " ".join(letter.error.split()),
            extra={"event": "consumer.buried", "message_id": str(letter.message_id)},
        )

    async def with_inbox(self, use: Callable[[AsyncAbstractInbox], Any]) -> bool:
        """Use the inbox in a transaction of its own; return False if there is none.

        Raises:
            OutageError: the database cannot be used now.
        """
        try:
            async with self._new_unit_of_work() as transaction:
                inbox = getattr(transaction.uow, "inbox", None)
                if inbox is None:
                    await transaction.rollback()
                    return False
                await use(inbox)
                await transaction.commit()
        except Exception as failure:
            raise OutageError from failure
        return True

    def _is_to_handle(self, lane: int, held: Held) -> bool:
        """Create the message, or the dead letter of what is none; return False if it is skipped.

        Raises:
            ConsumerStoppedError: its type is unknown, and the consumer stops at such messages.
        """
        if held.letter is None and held.message is None:
            try:
                held.message = self._deserializer.deserialize_message(held.delivery.wire or {})
            except UnknownMessageTypeError as error:
                if self._options.on_unknown == "skip":
                    self.counts.skipped += 1
                    details = {"event": "consumer.skipped", "message_id": str(held.id)}
                    log.debug("skipped the message %s: %s", held.id, brief(error), extra=details)
                    self._backlog.finish(lane, [held])
                    return False
                if self._options.on_unknown == "stop":
                    raise ConsumerStoppedError(self._name, held.id, str(error), _NO_TYPE) from error
                held.letter = self._letter(held, error)
            except Exception as error:  # noqa: BLE001 - kept in the dead letter
                held.letter = self._letter(held, error)
        if held.letter is None and held.key in self.buried_keys:
            held.letter = self._letter(held, BehindDeadLetterError(held.id, held.key))
        return True

    def _letter(self, held: Held, failure: Exception) -> DeadLetter:
        return DeadLetter.of_failure(self._name, held.id, held.delivery, held.attempts, failure)

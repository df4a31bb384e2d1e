"""The consumer: applies each message of a source once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from ..._compat.aio import adapt
from ..._compat.waits.aio import AsyncWakeUp, beside, meanwhile
from ...exceptions import ConfigurationError, TransportRefusedError, TransportUnavailableError
from ...serialization.deserializer import AbstractMessageDeserializer, MessageDeserializer
from ...service._async.registry import AsyncMessageBus
from ...service._async.unit_of_work import AsyncAbstractUnitOfWork
from ..backlog import Backlog
from ..options import ConsumerOptions, ensure_name
from ..outages import OutageError, Outages, warn
from ..reading import hold
from ..status import ConsumerStatus
from .handling import AsyncHandling
from .keeping import AsyncKeeping
from .middleware import AsyncInterceptable
from .source import AsyncAbstractSource

_IDLE = 1.0
"""The longest wait for a message, in seconds, while there is nothing to do."""
_BUSY = 0.05
"""The longest wait for more messages, in seconds, while others are being handled."""
_SPIN = 0.02
"""The shortest wait of a worker that finds nothing to do, in seconds."""
_SETTLED_AT_ONCE, _SETTLED_AFTER = 100, 0.2


class AsyncInboxConsumer(AsyncInterceptable):
    """Receive messages, handle each in a transaction with its mark, and settle it afterwards.

    The mark, a row with the names of the consumer and of the message, is written in the
    transaction of the handlers. A message that is delivered again, which no broker can rule out,
    finds it and has no further effect. Effects outside of the database are not undone by a
    rollback; use the *message_id* of the message as an idempotency key there.

    Args:
        name: the name of the consumer, which all its processes share; another gets all, too.
        source: delivers the messages.
        bus: has the listeners.
        unit_of_work: creates a unit of work; called for each transaction. With an *inbox*, such
            as that of SQLAlchemy, each message is applied once; otherwise at least once.
        options: how to work.
        deserializer: creates the messages; by default of the types that the bus listens to.
        dependencies: the dependencies that listeners ask for by name.

    Raises:
        ConfigurationError: the name or an option is wrong, or something belongs to the other
            colour.
    """

    def __init__(
        self,
        name: str,
        source: AsyncAbstractSource,
        bus: AsyncMessageBus[Any],
        unit_of_work: Callable[[], AsyncAbstractUnitOfWork[Any]],
        *,
        options: ConsumerOptions = ConsumerOptions(),  # noqa: B008
        deserializer: AbstractMessageDeserializer | None = None,
        dependencies: Mapping[str, Any] | None = None,
    ) -> None:
        ensure_name(name)
        adapt(bus.handle)  # refuses one of the other colour
        super().__init__(name, source)
        self.options: ConsumerOptions = options
        self.member: str = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        """The name of this process among those of the consumer."""
        self._backlog = Backlog(options.concurrency)
        self._handling = AsyncHandling(
            name,
            bus,
            unit_of_work,
            deserializer or MessageDeserializer(bus.message_types()),
            options,
            dependencies or {},
            self._backlog,
            self,
        )
        self._database = Outages("the database", options.reconnect)
        self._broker = Outages("the broker", options.reconnect)
        self._keeping = AsyncKeeping(
            name, self.member, source, self._handling, options, self._backlog
        )
        self._is_alone = options.concurrency == 1
        self._bells = [AsyncWakeUp() for _ in range(options.concurrency + 2)]
        self._running = self._connected = self._has_worked = self._drains = False
        self._told_to_stop = False
        self._failure: BaseException | None = None
        self._settled_at = 0.0

    async def run(self) -> None:
        """Receive and handle messages until *stop* is called.

        What is being handled then is finished and settled; the rest is given back. Outages of
        the broker and the database are waited for.

        Raises:
            TransportRefusedError: the broker refuses the source when the consumer starts. If it
                does so later, that is an outage.
            ConsumerStoppedError: a message can neither be handled nor put aside.
            ConfigurationError: the consumer runs already.
        """
        if self._running:
            text = "The consumer is running already; stop it first, or create another one"
            raise ConfigurationError(text)
        self._running, self._failure = True, None
        try:
            lanes = () if self._is_alone else range(self.options.concurrency)
            calls: list[Callable[[], Any]] = [self._pump, *(partial(self._work, n) for n in lanes)]
            if self._keeping.is_needed:
                calls.append(self._keep)
            try:
                await beside(*(partial(self._guard, call) for call in calls))
            finally:
                await self._leave()
            if self._failure is not None:
                raise self._failure
        finally:
            self._running = self._connected = self._told_to_stop = False

    async def drain(self) -> int:
        """Handle all messages that there are, also those to be tried again, and return.

        Returns:
            The number of messages that were handled.

        Raises:
            TransportUnavailableError: the broker cannot be reached.
            ConsumerStoppedError: a message can neither be handled nor put aside.
            ConfigurationError: the consumer runs already.
        """
        before = self._handling.counts.handled
        self._drains = True
        try:
            await self.run()
        finally:
            self._drains = False
        return self._handling.counts.handled - before

    def stop(self) -> None:
        """Let *run* or *drain* finish what is being handled and return; call it from any thread."""
        self._told_to_stop = True
        for bell in self._bells:
            bell.wake()

    def status(self) -> ConsumerStatus:
        """Return what the consumer does and has done since it was created."""
        return ConsumerStatus(
            running=self._running,
            connected=self._connected,
            held=self._backlog.size,
            partitions=self._keeping.partitions,
            last_error=self._database.last_error or self._broker.last_error,
            **vars(self._handling.counts),
        )

    async def _guard(self, call: Callable[[], Any]) -> None:
        """Make a call that ends all others when it fails."""
        try:
            await call()
        except Exception as failure:  # noqa: BLE001 - raised again by *run*
            self._failure = self._failure or failure
        finally:
            self.stop()

    async def _pump(self) -> None:
        """Receive messages, hand them out, and settle what is done."""
        while not self._told_to_stop:
            try:
                if not self._connected:
                    await self.source.connect()
                    self._connected = self._has_worked = True
                if await self._turn() and self._drains:
                    return
                self._broker.recovered()
            except OutageError as error:
                await self._bells[-1].wait(self._note(error))
            except TransportUnavailableError as error:
                is_refused = isinstance(error, TransportRefusedError) and not self._has_worked
                if is_refused or self._drains:
                    raise
                self._connected = False
                await self._bells[-1].wait(self._broker.note(error))

    async def _turn(self) -> bool:
        """Do what there is to do; return whether nothing was there."""
        await self._keeping.tend()
        wait = self._pause(0) if self._is_alone or self._backlog.size == 0 else _BUSY
        if self._is_alone and wait <= 0:
            if self._backlog.done:
                # What the broker needs for this passes unnoticed while the database works.
                await meanwhile(self._work_alone, partial(self._exchange, 0.0))
            else:
                await self._work_alone()
            return False
        received = await self._exchange(wait)
        return received == 0 and self._backlog.size == 0

    async def _work_alone(self) -> None:
        """Handle messages until there are none, or enough to settle."""
        while await self._work_once(0) and not self._told_to_stop:
            waited = monotonic() - self._settled_at
            if self._backlog.done >= _SETTLED_AT_ONCE or waited > _SETTLED_AFTER:
                return

    async def _exchange(self, wait: float) -> int | None:
        """Settle what is done, and receive more; return how many, or None without room for them."""
        await self._settle()
        room = self.options.prefetch - self._backlog.size
        if room <= 0:
            if wait > 0:
                await self._bells[-1].wait(max(wait, _SPIN))
            return None
        held = [hold(each) for each in await self.receive_through(room, wait)]
        self._keeping.receive(held)
        # Alone, the next transaction notes what is in hand, beside its messages.
        while self._handling.arrivals.is_due and not self._is_alone and not self._told_to_stop:
            try:
                await self._keeping.see()
            except OutageError as error:
                await self._bells[-1].wait(self._note(error))
        self._backlog.add(held)
        for bell in self._bells[:-2] if held else ():
            bell.wake()
        return len(held)

    async def _settle(self) -> None:
        self._settled_at = monotonic()
        if done := self._backlog.settling():
            await self.settle_through(done)
            self._backlog.settled()

    async def _work(self, lane: int) -> None:
        """Handle the messages of a lane until the consumer stops."""
        while not self._told_to_stop:
            if not await self._work_once(lane):
                await self._bells[lane].wait(max(self._pause(lane), _SPIN))

    async def _work_once(self, lane: int) -> bool:
        """Handle the next messages of a lane; return whether there were any to handle."""
        taken = self._backlog.take(lane, self.options.transaction_batch, monotonic())
        if lost := self._keeping.lost(taken):
            self._backlog.forget(lane, lost)
            self._backlog.put_back(lane)
            return True
        is_to_see = not taken and self._is_alone and self._handling.arrivals.is_due
        if not taken and not is_to_see:
            return False
        if not self._database.may_try(lane):
            self._backlog.put_back(lane)
            return False
        try:
            await (self._keeping.see() if is_to_see else self._handling.handle(lane, taken))
        except OutageError as error:
            self._note(error)
            return False
        self._database.recovered()
        return True

    async def _keep(self) -> None:
        """Keep what this process holds, until the consumer stops."""
        while not self._told_to_stop:
            await self._bells[-2].wait(self._keeping.interval)
            await self._keeping.keep()

    async def _leave(self) -> None:
        """Settle what is done, and give back the rest."""
        rest = self._backlog.take_rest()
        try:
            await self._settle()
            await self._keeping.give_back(rest)
        except (OutageError, TransportUnavailableError) as error:
            warn("consumer.left", "the broker delivers again what was not settled", error)
        finally:
            await self._keeping.leave()
            await self.source.close()

    def _note(self, error: OutageError) -> float:
        """Note an outage of the database; return how long to wait, in seconds."""
        cause = error.__cause__ or error
        if self._drains:
            raise cause
        return self._database.note(cause)

    def _pause(self, lane: int) -> float:
        """Return how long a lane has nothing to do, in seconds, unless a message comes."""
        if (ready_at := self._backlog.next_ready(lane)) is None:
            return _IDLE
        return min(max(ready_at, self._database.until) - monotonic(), _IDLE)

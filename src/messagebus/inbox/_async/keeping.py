"""The duties of a consumer beside handling messages: leases, extensions and retention."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

from ...exceptions import TransportUnavailableError
from ..backlog import Backlog, Held
from ..delivery import Delivery
from ..options import ConsumerOptions
from ..outages import OutageError, log, warn
from .handling import AsyncHandling
from .inbox import AsyncAbstractInbox
from .source import AsyncAbstractSource

_LONGEST_INTERVAL = 10.0
_PRUNED_EVERY = 60.0
_PRUNED_AT_ONCE = 1_000


class AsyncKeeping:
    """Keeps the partitions and the messages of this process, and keeps the inbox small.

    Args:
        name: the name of the consumer.
        member: the name of the process.
        source: delivers the messages.
        handling: has the inbox.
        options: how to work.
        backlog: the messages that are held.

    Attributes:
        interval: the time between two calls of *keep*, in seconds.
        partitions: the partitions that are leased; None if the source has none to lease.
    """

    def __init__(
        self,
        name: str,
        member: str,
        source: AsyncAbstractSource,
        handling: AsyncHandling,
        options: ConsumerOptions,
        backlog: Backlog,
    ) -> None:
        self._name = name
        self._member = member
        self._source = source
        self._handling = handling
        self._options = options
        self._backlog = backlog
        self._arrivals = handling.arrivals
        self._has_inbox: bool | None = None
        self._shared_until = 0.0
        self._lapses = 0
        self._assigned: tuple[int, tuple[int, ...] | None] = (0, None)
        self._prune_at = 0.0
        self._refresh_at = 0.0
        self.interval: float = min((source.hold or 3 * _LONGEST_INTERVAL) / 3, _LONGEST_INTERVAL)
        self.partitions: tuple[int, ...] | None = None
        if source.partitions:
            self.interval = min(self.interval, options.lease / 3)
            self.partitions = ()

    @property
    def is_needed(self) -> bool:
        """Whether *keep* must be called while messages are handled."""
        return self._source.hold is not None or self.partitions is not None

    async def tend(self) -> None:
        """Do what is due between two turns.

        Raises:
            OutageError: the database cannot be used now.
            TransportUnavailableError: the broker cannot be reached.
        """
        if self._has_inbox is None:
            self._has_inbox = await self._handling.with_inbox(_nothing)
            if not self._has_inbox:
                log.warning(
                    "the unit of work has no inbox: %r applies each message at least once, and "
                    "keeps no dead letters",
                    self._name,
                    extra={"event": "consumer.without_inbox"},
                )
            await self._share()
        if self.partitions is not None:
            await self._assign(self.partitions)
        if self._has_inbox:
            await self._tend_inbox(monotonic())

    async def _assign(self, partitions: tuple[int, ...]) -> None:
        """Tell the source what to read."""
        lapses, assigned = self._assigned
        if lapses != self._lapses and assigned:
            # Whoever held them meanwhile may have left something to take over.
            await self._source.assign(())
            self._assigned = (self._lapses, ())
        if self._assigned != (self._lapses, partitions):
            await self._source.assign(partitions)
            self._assigned = (self._lapses, partitions)
            self._refresh_at = 0.0

    async def _tend_inbox(self, now: float) -> None:
        if self._options.on_dead_letter == "bury" and now >= self._refresh_at:
            self._refresh_at = now + self.interval
            await self._handling.with_inbox(self._refresh)
        if now >= self._prune_at:
            self._prune_at = now + _PRUNED_EVERY
            await self._handling.with_inbox(self._prune)

    async def _refresh(self, inbox: AsyncAbstractInbox) -> None:
        self._handling.buried_keys = await inbox.buried_keys(self._name)

    async def _prune(self, inbox: AsyncAbstractInbox) -> None:
        if await inbox.prune(self._name, self._options.retention, _PRUNED_AT_ONCE):
            self._prune_at = 0.0  # perhaps there are more

    def receive(self, held: Sequence[Held]) -> None:
        """Let messages wait until *see* if they may have come before."""
        if self._has_inbox:
            self._arrivals.add(held)

    async def see(self) -> None:
        """Note in a transaction of its own what is in hand, for the messages that wait for it.

        Raises:
            OutageError: the database cannot be used now.
        """
        await self._handling.with_inbox(self._arrivals.note)
        self._arrivals.end()

    async def give_back(self, rest: Sequence[Held]) -> None:
        """Give messages back; what was not begun of them counts as new.

        Raises:
            OutageError: the database cannot be used now.
            TransportUnavailableError: the broker cannot be reached.
        """
        left = self._arrivals.without(rest)

        async def note(inbox: AsyncAbstractInbox) -> None:
            await inbox.note(self._name, left)

        if left:
            await self._handling.with_inbox(note)
        await self._source.release([each.delivery for each in rest])

    async def keep(self) -> None:
        """Keep the messages and the partitions for a while."""
        try:
            if self._source.hold is not None:
                await self._source.extend(self._backlog.unsettled())
            await self._share()
        except (OutageError, TransportUnavailableError) as error:
            # The next call tries again; what is lost meanwhile is handled elsewhere.
            warn("consumer.not_kept", "not kept", error.__cause__ or error)
        if self.partitions:
            self._lapse()

    async def _share(self) -> None:
        if self.partitions is None:
            return
        if not self._has_inbox:
            self.partitions = tuple(range(self._source.partitions))
            return
        lease = self._options.lease
        self._lapse()
        until = monotonic() + lease

        async def share(inbox: AsyncAbstractInbox) -> None:
            found = await inbox.share(
                self._name, self._member, self._source.partitions, timedelta(seconds=lease)
            )
            self.partitions = tuple(sorted(found))

        await self._handling.with_inbox(share)
        self._shared_until = until

    def _lapse(self) -> None:
        """Give up what another process may have taken since the last renewal."""
        if self._has_inbox and self.partitions and monotonic() > self._shared_until:
            self.partitions = ()
            self._lapses += 1

    def lost(self, taken: Sequence[Held]) -> Sequence[Held]:
        """Return those messages that do not belong to this process any more."""
        held: Sequence[Delivery] = self._source.held([each.delivery for each in taken])
        partitions = self.partitions
        if partitions is not None:
            held = [each for each in held if each.partition in partitions]
        if len(held) == len(taken):
            return ()
        kept = set(map(id, held))
        return [each for each in taken if id(each.delivery) not in kept]

    async def leave(self) -> None:
        """Give the partitions up, so that another process need not wait for the lease."""
        if self.partitions and self._has_inbox:
            try:
                await self._handling.with_inbox(
                    partial(_leave, consumer=self._name, member=self._member)
                )
            except OutageError as error:
                warn("consumer.not_left", "partitions not given up", error.__cause__ or error)
        if self.partitions:
            self.partitions = ()
        self._arrivals.forget()
        self._assigned, self._has_inbox = (self._lapses, None), None


async def _nothing(_inbox: AsyncAbstractInbox) -> None:
    """Do nothing in a transaction, to find out whether there is an inbox."""


async def _leave(inbox: AsyncAbstractInbox, *, consumer: str, member: str) -> None:
    await inbox.leave(consumer, member)

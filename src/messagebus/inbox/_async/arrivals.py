"""Finding out which messages came before, where the broker does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from ..arrivals import came_before, in_hand, noted_by_others, still_to_come, without_rest
from ..backlog import Backlog, Held
from .inbox import AsyncAbstractInbox
from .source import AsyncAbstractSource


class AsyncArrivals:
    """Notes in the inbox which offsets this process has in hand, before it handles a message.

    What a process had in hand when it died comes again, and may have been attempted.

    Args:
        name: the name of the consumer.
        source: delivers the messages.
        backlog: the messages that are held.
    """

    def __init__(self, name: str, source: AsyncAbstractSource, backlog: Backlog) -> None:
        self._name = name
        self._source = source
        self._backlog = backlog
        self._noted: dict[str, range] = {}
        self._unseen: list[Held] = []
        self._tried: list[Held] = []
        self._now: dict[str, range] = {}
        self._rest: Mapping[str, range] = {}
        self._before: Mapping[str, range] = {}
        self._again: set[UUID] = set()

    @property
    def is_due(self) -> bool:
        """Whether messages wait until the offsets in hand are noted."""
        return bool(self._unseen)

    def add(self, held: Sequence[Held]) -> None:
        """Let those messages wait of which nobody knows whether they came before."""
        for each in held:
            if each.delivery.redelivered is None and each.delivery.position is not None:
                each.unseen = True
                self._unseen.append(each)

    async def note(self, inbox: AsyncAbstractInbox) -> None:
        """Note what is in hand; once that is committed, call *end*."""
        self._tried = [*self._unseen]  # others may come meanwhile
        arrived = self._source.held([each.delivery for each in self._tried])
        in_all = in_hand([*self._source.held(self._backlog.unsettled()), *arrived])
        now = {log: in_all[log] for log in in_hand(arrived)}
        before = noted_by_others(await inbox.note(self._name, now), self._now, self._before)
        if rest := still_to_come(now, before):
            await inbox.note(self._name, rest)
        came = {id(each) for each in arrived if came_before(each, before)}
        again = [each.id for each in self._tried if id(each.delivery) in came]
        # Behind a message that was not settled, any number may have been handled.
        self._again = set(again) - await inbox.marked(self._name, again) if again else set()
        self._now, self._rest, self._before = {**now, **rest}, rest, before

    def end(self) -> None:
        """Let what is noted wait no longer; each that may have been begun is counted and alone."""
        for each in self._tried:
            if each.id in self._again:
                each.alone = each.counted = True
            each.unseen = False
        self._noted.update(self._now)
        for log in self._rest:  # it stays in hand until all of it has come, whatever is given back
            del self._noted[log]
        del self._unseen[: len(self._tried)]
        self._tried, self._now, self._rest, self._before = [], {}, {}, {}

    def without(self, rest: Sequence[Held]) -> Mapping[str, range]:
        """Return what stays in hand when the source gives back messages that this process holds."""
        held = set(map(id, self._source.held([each.delivery for each in rest])))
        return without_rest(self._noted, [each for each in rest if id(each.delivery) in held])

    def forget(self) -> None:
        """Forget what was in hand, when the consumer stops."""
        self._noted, self._unseen, self._tried, self._now, self._before = {}, [], [], {}, {}

"""The offsets that a process has in hand, of partitions whose broker counts no deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from .backlog import Held
from .delivery import Delivery


def in_hand(deliveries: Iterable[Delivery]) -> dict[str, range]:
    """Return for each partition the offsets from the first message to the last one."""
    found: dict[str, list[int]] = {}
    for each in deliveries:
        if (position := each.position) is not None:
            log, offset = position
            if log in found:
                found[log].append(offset)
            else:
                found[log] = [offset]
    return {log: range(min(offsets), max(offsets) + 1) for log, offsets in found.items()}


def came_before(delivery: Delivery, before: Mapping[str, range]) -> bool:
    """Tell whether a message is among those that were in hand before, by partition."""
    position = delivery.position
    return position is not None and position.offset in before.get(position.log, ())


def noted_by_others(
    found: Mapping[str, range], tried: Mapping[str, range], before: Mapping[str, range]
) -> dict[str, range]:
    """Return what others had in hand, where this process may have noted its own already.

    Args:
        found: what was noted, by partition.
        tried: what this process tried to note; perhaps only the answer to the commit was lost.
        before: what was noted before it tried.
    """
    return {
        log: before.get(log, range(0)) if each == tried.get(log) else each
        for log, each in found.items()
    }


def still_to_come(held: Mapping[str, range], before: Mapping[str, range]) -> dict[str, range]:
    """Return what is in hand with those offsets behind it that were in hand before.

    Args:
        held: what is in hand, by partition.
        before: what was noted before. What it does not touch was noted before somebody set the
            offsets of the group, or made the topic anew, so it does not come next.

    Returns:
        The partitions of which more was noted before than is in hand, with all of that.
    """
    return {
        log: range(now.start, before[log].stop)
        for log, now in held.items()
        if log in before and before[log].start <= now.stop < before[log].stop
    }


def without_rest(noted: Mapping[str, range], rest: Iterable[Held]) -> dict[str, range]:
    """Return what stays in hand when messages are given back: all up to the last one begun.

    Args:
        noted: what is in hand, by partition.
        rest: the messages.

    Returns:
        The partitions that end with messages which were not begun, without these.
    """
    positions = [(each.delivery.position, each) for each in rest if each.delivery.position]
    kept: dict[str, range] = {}
    ended: set[str] = set()
    for (log, offset), each in sorted(positions, key=itemgetter(0), reverse=True):
        if each.counted or each.attempts:
            ended.add(log)
        elif log in noted and log not in ended:
            kept[log] = range(noted[log].start, offset)
    return kept

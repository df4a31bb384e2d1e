"""The shares of the processes of a consumer in its partitions."""

from __future__ import annotations

from collections.abc import Mapping


def fair_share(
    member: str, living: set[str], holders: Mapping[int, str], partitions: int
) -> set[int]:
    """Return which partitions a process holds from now on.

    It gives up its surplus, and takes what is free, but nothing of others.

    Args:
        member: the process.
        living: all processes, this one included.
        holders: the process of each partition that one of them holds.
        partitions: the number of partitions.
    """
    counts = dict.fromkeys(living, 0)
    for holder in holders.values():
        counts[holder] += 1
    least, more = divmod(partitions, len(living))
    # Those with the most keep one more than the others, if it cannot be equal: nothing moves
    # that need not.
    ranks = sorted(living, key=lambda each: (-counts[each], each))
    share = least + 1 if member in ranks[:more] else least
    held = sorted(number for number, holder in holders.items() if holder == member)
    free = [number for number in range(partitions) if number not in holders]
    return set([*held, *free][:share])

"""The fair shares of processes that come and die."""

from __future__ import annotations

import random

import pytest

from messagebus.inbox.shares import fair_share


@pytest.mark.parametrize("seed", range(20))
def test_shares_become_fair_and_then_stay(seed: int) -> None:
    """They differ by one at most, nothing is held twice, and nothing moves without need."""
    chance = random.Random(seed)
    partitions = chance.randrange(1, 20)
    holders: dict[int, str] = {}
    for _ in range(4):
        living = {f"m{number}" for number in range(chance.randrange(1, 9))}
        holders = {number: name for number, name in holders.items() if name in living}
        for _ in range(3):
            for member in chance.sample(sorted(living), len(living)):
                held = fair_share(member, living, holders, partitions)
                assert all(holders.get(number, member) == member for number in held)
                holders = {number: name for number, name in holders.items() if name != member}
                holders |= dict.fromkeys(held, member)
        counts = [list(holders.values()).count(member) for member in living]
        assert partitions == sum(counts)
        assert max(counts) - min(counts) <= 1
        for member in living:
            held = fair_share(member, living, holders, partitions)
            assert held == {number for number, name in holders.items() if name == member}

"""The rules for a source."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ....inbox.capability import SourceCapability
from ...rules import rules_of
from . import outages, receiving, redelivery, sharing
from .harness import AsyncSourceHarness

_NEEDS = {
    receiving.what_was_sent_before_the_first_start_is_delivered: SourceCapability.HISTORY,
    redelivery.what_is_released_may_be_held_back: SourceCapability.DELAY,
    sharing.a_partition_is_handed_over_with_what_is_not_settled: SourceCapability.LEASED,
    sharing.a_partition_that_is_kept_is_read_on: SourceCapability.LEASED,
    sharing.messages_of_a_key_come_from_one_partition: SourceCapability.LEASED,
    **dict.fromkeys(rules_of(outages.__name__), SourceCapability.OUTAGES),
}


def async_source_rules(
    capabilities: Collection[SourceCapability],
) -> list[Callable[[AsyncSourceHarness], Any]]:
    """Return the rules for a source with these capabilities.

    Call each with a harness whose stream is new; it raises an AssertionError if the source breaks
    the rule.
    """
    rules = [
        rule
        for each in (receiving, redelivery, sharing, outages)
        for rule in rules_of(each.__name__)
    ]
    return [rule for rule in rules if rule not in _NEEDS or _NEEDS[rule] in capabilities]

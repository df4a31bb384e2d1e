"""The rules for a transport."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ...rules import rules_of
from ..capability import Capability
from . import outages, sending
from .harness import AsyncTransportHarness

_NEEDS = {
    sending.a_message_that_is_sent_again_is_stored_once: Capability.DEDUPLICATION,
    sending.a_message_that_is_too_large_is_refused: Capability.SIZE_LIMIT,
    sending.a_destination_that_does_not_exist_is_reported: Capability.DESTINATION,
    **dict.fromkeys(rules_of(outages.__name__), Capability.OUTAGES),
}


def async_transport_rules(
    capabilities: Collection[Capability],
) -> list[Callable[[AsyncTransportHarness], Any]]:
    """Return the rules for a transport with these capabilities.

    Call each with a harness whose destination is empty; it raises an AssertionError if the
    transport breaks the rule.
    """
    rules = rules_of(sending.__name__) + rules_of(outages.__name__)
    return [rule for rule in rules if rule not in _NEEDS or _NEEDS[rule] in capabilities]

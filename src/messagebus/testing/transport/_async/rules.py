"""The rules for a transport."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ..capability import Capability
from .harness import AsyncTransportHarness
from .outages import OUTAGES
from .sending import SENDING


def async_transport_rules(
    capabilities: Collection[Capability],
) -> list[Callable[[AsyncTransportHarness], Any]]:
    """Return the rules for a transport with these capabilities.

    Call each with a harness whose destination is empty; it raises an AssertionError if the
    transport breaks the rule.
    """
    rules: dict[Callable[[AsyncTransportHarness], Any], Capability | None]
    rules = {**SENDING, **OUTAGES}
    return [rule for rule, need in rules.items() if need is None or need in capabilities]

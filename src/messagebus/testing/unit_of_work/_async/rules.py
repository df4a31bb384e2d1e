"""The rules for a unit of work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...rules import rules_of
from . import eventstores, inboxes, repositories, savepoints, transactions
from .harness import AsyncUnitOfWorkHarness

ASYNC_UNIT_OF_WORK_RULES: list[Callable[[AsyncUnitOfWorkHarness], Any]] = [
    rule
    for each in (transactions, repositories, savepoints, eventstores, inboxes)
    for rule in rules_of(each.__name__)
]
"""The rules. Call each with a harness whose store is empty; it raises an AssertionError if the
unit of work breaks the rule."""

"""A transaction that refuses attributes of its own."""

from __future__ import annotations

from typing import Any

from ..diagnostics import HIDDEN, refuse_attribute
from .transaction import AsyncUnitOfWorkTransaction
from .type_parameters import TRepositories, TUow_co


class AsyncGuardedTransaction(AsyncUnitOfWorkTransaction[TRepositories, TUow_co]):
    """A transaction that refuses attributes which belong to its unit of work.

    A repository that is assigned to a transaction would hide that of the unit of work, and the
    messages of its models would be lost. A unit of work guards its first transaction: a
    *__setattr__* in each would slow down every message by a quarter.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in HIDDEN and not name.startswith("_"):
            refuse_attribute(name)
        object.__setattr__(self, name, value)  # *super* takes longer, for each message

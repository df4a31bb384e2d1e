"""Outboxes with many sent messages."""

from __future__ import annotations

from functools import partial

from ..contender import OURS, Case, Contender
from ..databases import POSTGRES, SQLITE
from ..finding import BATCH, claimed
from ..measuring import timed
from .workload import Workload

KINDS = (SQLITE, POSTGRES)
FEW, SOME, MANY = 1_000, 30_000, 1_000_000


def size_of(kind: str, count: int) -> str:
    """Return the label of a number of sent messages."""
    return f"{kind}, {count:_} sent".replace("_", " ")


WORKLOAD = Workload(
    name="finding",
    title="Finding pending messages",
    text=f"Time per batch. The relay renews its lease and claims a batch of {BATCH} from an outbox "
    "that has already sent many messages.",
    cases=(
        Case(
            workload="finding",
            colour="sync",
            contenders=tuple(
                Contender(
                    name=OURS,
                    meter=timed(partial(claimed, kind, count)),
                    size=size_of(kind, count),
                    role="ours",
                    thorough=count == MANY,
                )
                for kind in KINDS
                for count in (FEW, SOME, MANY)
            ),
            clock="wall",
            patience=5,
        ),
    ),
)

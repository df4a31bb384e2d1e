"""Draining an outbox with the defaults, beside a relay written by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from .._async import relaying as waiting
from .._sync import relaying as plain
from ..contender import BY_HAND, OURS, Case, Contender, Role
from ..jetstream import to_nats
from ..measuring import Prepared, timed_each
from .relaying import BATCH, KINDS, MANY, REDIS, nats_url, redis_url
from .workload import Workload

LARGE = 500
IN_LARGE = f"by hand, batches of {LARGE}"


def _contenders(broker: str, module: ModuleType) -> tuple[Contender, ...]:
    target: Callable[[], Any] = module.to_redis if broker == REDIS else to_nats
    url = redis_url if broker == REDIS else nats_url
    entries: tuple[tuple[str, Role, Callable[[], Prepared]], ...] = (
        (BY_HAND, "by hand", partial(module.by_hand, target, BATCH, MANY)),
        (OURS, "ours", partial(module.by_the_relay, url, None, MANY)),
        (IN_LARGE, "peer", partial(module.by_hand, target, LARGE, MANY)),
    )
    return tuple(
        Contender(name=name, meter=timed_each(prepared), size=broker, operations=MANY, role=role)
        for name, role, prepared in entries
    )


def _case(colour: str, module: ModuleType) -> Case:
    return Case(
        workload="draining",
        colour=colour,
        contenders=tuple(
            contender for broker in KINDS[colour] for contender in _contenders(broker, module)
        ),
        clock="wall",
        patience=2,
    )


WORKLOAD = Workload(
    name="draining",
    title="Draining an outbox with the defaults",
    text="Time per event. The relay has its defaults. *By hand* reads the same table and sends the "
    f"same six fields, in batches of {BATCH} as is usual, or of {LARGE}; it has no lease, and for "
    "Redis no deduplication.",
    cases=(_case("async", waiting), _case("sync", plain)),
)

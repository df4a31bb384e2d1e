"""Injecting the parameters of a handler."""

from __future__ import annotations

from .._async import dependencies as waiting
from .._sync import dependencies as plain
from ..contender import Case, Contender
from ..peers import dishka, fast_depends, wireup
from .workload import Workload, by_hand, ours, peer

STRAIGHT = "by hand, straight lines"
SERVICE = "messagebus, Service"
CONSUMER = "messagebus, Consumer"
INJECT = "messagebus, inject"
PLAIN = "plain dependencies"

_ASYNC: tuple[Contender, ...] = (
    by_hand(waiting.by_hand),
    by_hand(waiting.straight_lines, name=STRAIGHT),
    ours(waiting.injected, name=INJECT),
    ours(waiting.through_a_service, name=SERVICE),
    ours(waiting.through_a_consumer, name=CONSUMER),
    ours(waiting.injected_with(*plain.DEPENDENCIES), name=INJECT, size=PLAIN),
    peer("dishka", dishka.scoped_async),
    peer("wireup", wireup.scoped_async),
    peer("fast-depends", fast_depends.injected_async),
)
_SYNC: tuple[Contender, ...] = (
    by_hand(plain.by_hand),
    by_hand(plain.straight_lines, name=STRAIGHT),
    ours(plain.injected, name=INJECT),
    ours(plain.through_a_service, name=SERVICE),
    ours(plain.through_a_consumer, name=CONSUMER),
    peer("dishka", dishka.scoped),
    peer("wireup", wireup.scoped),
    peer("fast-depends", fast_depends.injected),
)

WORKLOAD = Workload(
    name="dependencies",
    title="Three dependencies in each call",
    text="Time per call. One dependency is plain, one is nested two deep, and one is a generator "
    "with cleanup. *By hand* writes out every call, with the generator on an exit stack; *straight "
    "lines* uses a ``try`` instead. In the async rows all dependencies are asynchronous, except "
    "where it says *plain dependencies*.",
    cases=(
        Case(workload="dependencies", colour="async", contenders=_ASYNC),
        Case(workload="dependencies", colour="sync", contenders=_SYNC),
    ),
)

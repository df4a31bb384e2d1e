"""Building a command, then dispatching it."""

from __future__ import annotations

from .._async import dispatch as waiting
from .._sync import dispatch as plain
from ..contender import Case
from ..peers import blinker, lato, mediatr
from .workload import Workload, by_hand, older, ours, peer

BUILT = "only built"
MODEL = "a model of two fields"

WORKLOAD = Workload(
    name="building",
    title="Building a command of two fields, then dispatching it",
    text="*By hand* builds a pydantic model with frozen metadata, a UUIDv4 and the current time, "
    "then dispatches it by hand. The signal libraries send the same message class as this package.",
    cases=(
        Case(
            workload="building",
            colour="async",
            contenders=(
                by_hand(waiting.built_and_by_hand),
                ours(waiting.built_and_through_the_bus),
                older(),
                by_hand(waiting.built_by_hand, size=BUILT),
                ours(waiting.only_built, size=BUILT),
                older(size=BUILT),
                by_hand(waiting.model_built, name=MODEL, size=BUILT),
                peer("blinker", blinker.built_and_sent_async),
                peer("mediatr", mediatr.built_and_sent_async),
                peer("lato", lato.built_and_executed_async),
            ),
        ),
        Case(
            workload="building",
            colour="sync",
            contenders=(
                by_hand(plain.built_and_by_hand),
                ours(plain.built_and_through_the_bus),
                older(),
                peer("blinker", blinker.built_and_sent),
                peer("mediatr", mediatr.built_and_sent),
                peer("lato", lato.built_and_executed),
            ),
        ),
    ),
)

"""Dispatching a command with middleware and with telemetry."""

from __future__ import annotations

from .._async import dispatch as waiting_dispatch
from .._async import watching as waiting
from .._sync import dispatch as plain_dispatch
from .._sync import watching as plain
from ..contender import OURS, Case
from .workload import Workload, by_hand, ours

MIDDLEWARE = f"{OURS}, one middleware"
UNSAMPLED = f"{OURS}, OpenTelemetry that samples 0 %"
NO_PROVIDER = f"{OURS}, OpenTelemetry without a provider"

WORKLOAD = Workload(
    name="watching",
    title="Dispatch of one command with middleware and telemetry",
    text="The middleware does nothing. With OpenTelemetry, the sampler of the SDK drops all spans, "
    "and the durations are counted.",
    cases=(
        Case(
            workload="watching",
            colour="async",
            contenders=(
                by_hand(waiting_dispatch.by_hand),
                ours(waiting_dispatch.through_the_bus),
                ours(waiting.through_middleware, name=MIDDLEWARE),
                ours(waiting.without_provider, name=NO_PROVIDER),
                ours(waiting.with_telemetry, name=UNSAMPLED),
            ),
        ),
        Case(
            workload="watching",
            colour="sync",
            contenders=(
                by_hand(plain_dispatch.by_hand),
                ours(plain_dispatch.through_the_bus),
                ours(plain.through_middleware, name=MIDDLEWARE),
                ours(plain.without_provider, name=NO_PROVIDER),
                ours(plain.with_telemetry, name=UNSAMPLED),
            ),
        ),
    ),
)

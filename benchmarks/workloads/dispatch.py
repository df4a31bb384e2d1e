"""Dispatching a ready-made command."""

from __future__ import annotations

from .._async import dispatch as waiting
from .._sync import dispatch as plain
from ..contender import Case
from ..peers import blinker, cqrs, lato, mediatr, pyee
from .workload import Workload, by_hand, older, ours, peer

WORKLOAD = Workload(
    name="dispatch",
    title="Dispatch of one command through a transaction",
    text="The command is built beforehand. *By hand* is a dict look-up and a transaction object "
    "that is entered, committed and left.",
    cases=(
        Case(
            workload="dispatch",
            colour="async",
            contenders=(
                by_hand(waiting.by_hand),
                by_hand(waiting.called_directly, name="the handler alone"),
                ours(waiting.through_the_bus),
                older(),
                peer("blinker", blinker.sent_async),
                peer("mediatr", mediatr.sent_async),
                peer("pyee", pyee.emitted_async),
                peer("lato", lato.executed_async),
                peer("python-cqrs", cqrs.sent),
            ),
        ),
        Case(
            workload="dispatch",
            colour="sync",
            contenders=(
                by_hand(plain.by_hand),
                by_hand(plain.called_directly, name="the handler alone"),
                ours(plain.through_the_bus),
                older(),
                peer("blinker", blinker.sent),
                peer("mediatr", mediatr.sent),
                peer("pyee", pyee.emitted),
                peer("lato", lato.executed),
            ),
        ),
    ),
)

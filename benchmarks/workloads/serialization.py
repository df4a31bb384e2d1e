"""Serializing a message for a transport."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from messagebus.service.eventstream import MessageSerializer

from ..contender import Case, Loop
from ..messages import Registered
from .workload import Workload, by_hand, older, ours

CACHED = "by hand, the same format"

_ENVELOPE = {"message_id", "created_at", "metadata"}
_TYPES = {Registered: "registered_v1"}


def _whole(event: Registered) -> Any:
    return event.model_dump_json()


def _same_format(event: Registered) -> Any:
    return {
        "id": str(event.message_id),
        "created_at": event.created_at.isoformat(),
        "type": _TYPES[type(event)],
        "payload": event.__pydantic_serializer__.to_json(event, exclude=_ENVELOPE).decode(),
    }


def _serialized(serialize: Callable[[Registered], Any]) -> Callable[[], Loop]:
    def loop() -> Loop:
        event = Registered(id="1", title="A title")

        def run(times: Iterable[None]) -> None:
            for _ in times:
                serialize(event)

        return run

    return loop


WORKLOAD = Workload(
    name="serialization",
    title="Serialization of an event of two fields",
    text="*By hand* is ``model_dump_json`` of the whole message.",
    cases=(
        Case(
            workload="serialization",
            colour="",
            contenders=(
                by_hand(_serialized(_whole)),
                by_hand(_serialized(_same_format), name=CACHED),
                ours(_serialized(MessageSerializer().serialize_message)),
                older(),
            ),
        ),
    ),
)

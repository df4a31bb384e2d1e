"""The request mediator of python-cqrs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contender import Loop


def sent() -> Loop:
    """Send a ready-made request."""
    return _sent(0)


def cascaded(count: int) -> Loop:
    """Send a request whose handler raises events, and wait until they are handled."""
    return _sent(count)


def _sent(count: int) -> Loop:
    import cqrs
    import di
    from cqrs.bootstrap.requests import bootstrap

    class Register(cqrs.Request[None]):
        id: str
        title: str

    class Registered(cqrs.DomainEvent):
        id: str
        title: str

    raised = [Registered(id="1", title="A title") for _ in range(count)]

    class HandleRegister(cqrs.RequestHandler[Register, None]):
        @property
        def events(self) -> Any:
            return raised

        async def handle(self, request: Any) -> None:
            """Do nothing with the message."""

    def listener() -> Any:
        class Hear(cqrs.EventHandler[Registered]):
            async def handle(self, event: Any) -> None:
                """Hear the event."""

        return Hear

    mediator = bootstrap(
        di_container=di.Container(),
        commands_mapper=lambda mapper: mapper.bind(Register, HandleRegister),
        domain_events_mapper=lambda mapper: [mapper.bind(Registered, listener()) for _ in range(3)],
        concurrent_event_handle_enable=False,
    )
    request = Register(id="1", title="A title")

    async def run(times: Iterable[None]) -> None:
        for _ in times:
            await mediator.send(request)

    return run

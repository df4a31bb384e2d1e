"""The durations of what a relay and a consumer do, measured by their middleware."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..inbox import AsyncInboxConsumer, AsyncProcessCall, SyncInboxConsumer, SyncProcessCall
from ..service._async.middleware import AsyncSendCall
from ..typing import AsyncNext, SyncNext
from .histogram import Histogram

if TYPE_CHECKING:
    from ..adapters.sqlalchemy import AsyncOutboxRelay


def of_relay(relay: AsyncOutboxRelay, options: Namespace) -> Sequence[Histogram]:
    """Measure how long a relay takes to send a batch, if the options ask for metrics."""
    if options.metrics_port is None:
        return ()
    sending = Histogram("relay_send_duration_seconds", "Time to send a batch.")

    async def send(call: AsyncSendCall, call_next: AsyncNext[AsyncSendCall]) -> None:
        with sending.timing():
            await call_next(call)

    relay.add_middleware(send)
    return (sending,)


def of_consumer(
    consumer: AsyncInboxConsumer | SyncInboxConsumer, options: Namespace
) -> Sequence[Histogram]:
    """Measure how long a consumer takes, and how late it is, if the options ask for metrics."""
    if options.metrics_port is None:
        return ()
    processing = Histogram(
        "consumer_process_duration_seconds", "Time of an attempt to handle messages."
    )
    lag = Histogram("consumer_lag_seconds", "Age of a message when it is handled.")

    @contextmanager
    def measured(call: AsyncProcessCall | SyncProcessCall) -> Iterator[None]:
        present = datetime.now(UTC)
        for message in call.messages:
            lag.observe(max((present - message.created_at).total_seconds(), 0.0))
        with processing.timing():
            yield

    async def process(call: AsyncProcessCall, call_next: AsyncNext[AsyncProcessCall]) -> None:
        with measured(call):
            await call_next(call)

    def process_in_thread(call: SyncProcessCall, call_next: SyncNext[SyncProcessCall]) -> None:
        with measured(call):
            call_next(call)

    if isinstance(consumer, AsyncInboxConsumer):
        consumer.add_middleware(process)
    else:
        consumer.add_middleware(process_in_thread)
    return processing, lag

"""``messagebus consume``: runs a consumer."""

from __future__ import annotations

import asyncio
import logging
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .._error_text import with_advice
from ..adapters.factory import async_source_from_url, sync_source_from_url
from ..exceptions import (
    ConsumerStoppedError,
    TransportRefusedError,
    TransportUnavailableError,
)
from ..inbox import AsyncInboxConsumer, ConsumerOptions, SyncInboxConsumer
from ..retry import Backoff
from ..service._async.registry import AsyncMessageBus
from . import durations, logs
from .application import Application
from .endpoint import serving
from .exit_code import ExitCode
from .exposition import Report
from .histogram import Histogram
from .signals import stop_task_on_signals, stopped_by_signals
from .tracing import instrument

log: logging.Logger = logging.getLogger("messagebus.consumer")


def run(options: Namespace) -> ExitCode:
    """Run a consumer until the process is told to stop, or until nothing is left (--drain)."""
    logs.configure(options.log_format, options.log_level)
    application = Application.load(options.application)
    is_async = isinstance(application.bus, AsyncMessageBus)
    try:
        if is_async:
            asyncio.run(_consume(application, options))
        else:
            _consume_in_thread(application, options)
    except ConsumerStoppedError as error:
        log.critical("%s", with_advice(error), extra={"event": "consumer.ended"})
        return ExitCode.POISON
    except TransportRefusedError as error:
        log.critical("%s", with_advice(error), extra={"event": "consumer.refused"})
        return ExitCode.USAGE
    except TransportUnavailableError as error:
        log.critical("%s", with_advice(error), extra={"event": "consumer.ended"})
        return ExitCode.BROKER
    except (asyncio.CancelledError, KeyboardInterrupt):
        log.critical("interrupted", extra={"event": "consumer.interrupted"})
        return ExitCode.INTERRUPTED
    return ExitCode.OK


async def _consume(application: Application, options: Namespace) -> None:
    source = async_source_from_url(options.stream, options.consumer)
    consumer = AsyncInboxConsumer(options.consumer, source, **_arguments(application, options))
    stop_task_on_signals(partial(_stop, consumer))
    look = partial(_look, consumer, durations.of_consumer(consumer, options))
    instrument(consumer, options)
    with serving(options, log, look):
        _say_that_it_starts(consumer)
        if options.drain:
            await consumer.drain()
        else:
            await consumer.run()
    _say_what_was_done(consumer)


def _consume_in_thread(application: Application, options: Namespace) -> None:
    source = sync_source_from_url(options.stream, options.consumer)
    consumer = SyncInboxConsumer(options.consumer, source, **_arguments(application, options))
    look = partial(_look, consumer, durations.of_consumer(consumer, options))
    instrument(consumer, options)
    with stopped_by_signals(partial(_stop, consumer)), serving(options, log, look):
        _say_that_it_starts(consumer)
        end: Callable[[], object] = consumer.drain if options.drain else consumer.run
        end()
        _say_what_was_done(consumer)


def _arguments(application: Application, options: Namespace) -> dict[str, Any]:
    return {
        "bus": application.bus,
        "unit_of_work": application.unit_of_work,
        "deserializer": application.deserializer,
        "dependencies": application.dependencies,
        "options": ConsumerOptions(
            concurrency=options.concurrency,
            transaction_batch=options.transaction_batch,
            prefetch=options.prefetch,
            max_attempts=options.max_attempts,
            backoff=Backoff(first=options.backoff, longest=options.longest_backoff),
            hopeless=application.hopeless,
            on_unknown=options.on_unknown,
            on_dead_letter=options.on_dead_letter,
            retention=options.retention,
            lease=options.lease,
            timeout=options.handling_timeout,
        ),
    }


def _look(
    consumer: AsyncInboxConsumer | SyncInboxConsumer, measured: Sequence[Histogram]
) -> Report:
    return Report.of_consumer(consumer.name, consumer.status(), measured)


def _say_that_it_starts(consumer: AsyncInboxConsumer | SyncInboxConsumer) -> None:
    details = {"event": "consumer.started", "consumer": consumer.name, "member": consumer.member}
    log.info("started %s as %s", consumer.name, consumer.member, extra=details)


def _stop(consumer: AsyncInboxConsumer | SyncInboxConsumer, name: str) -> None:
    consumer.stop()
    log.info("stopping on %s", name, extra={"event": "consumer.stopping", "signal": name})


def _say_what_was_done(consumer: AsyncInboxConsumer | SyncInboxConsumer) -> None:
    status = consumer.status()
    log.info(
        "stopped: %d handled, %d duplicates, %d skipped, %d dead letter(s)",
        status.handled,
        status.duplicates,
        status.skipped,
        status.buried,
        extra={
            "event": "consumer.stopped",
            "handled": status.handled,
            "duplicates": status.duplicates,
            "skipped": status.skipped,
            "buried": status.buried,
        },
    )

"""``messagebus relay``: runs a relay."""

from __future__ import annotations

import asyncio
import logging
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from .._error_text import with_advice
from ..adapters.factory import async_transport_from_url
from ..adapters.sqlalchemy import AsyncOutboxRelay, Backoff, async_create_tables, define_tables
from ..exceptions import TransportRefusedError, UndeliverableMessageError
from . import durations, logs
from .database import new_engine
from .endpoint import serving
from .exit_code import ExitCode
from .exposition import Report
from .histogram import Histogram
from .signals import stop_task_on_signals
from .tracing import instrument

log: logging.Logger = logging.getLogger("messagebus.relay")

_LONGEST_LOOK = 5.0  # seconds


def run(options: Namespace) -> ExitCode:
    """Run a relay until the process is told to stop, or until nothing is pending (--drain)."""
    logs.configure(options.log_format, options.log_level)
    try:
        return asyncio.run(_relay(options))
    except UndeliverableMessageError as error:
        log.critical("%s", with_advice(error), extra={"event": "relay.poisoned"})
        return ExitCode.POISON
    except SQLAlchemyError as error:
        log.critical("%s", with_advice(error), extra={"event": "relay.ended"})
        return ExitCode.DATABASE
    except TransportRefusedError as error:
        log.critical("%s", with_advice(error), extra={"event": "relay.refused"})
        return ExitCode.USAGE
    except (ConnectionError, TimeoutError) as error:
        log.critical("%s", with_advice(error), extra={"event": "relay.ended"})
        return ExitCode.BROKER
    except (asyncio.CancelledError, KeyboardInterrupt):
        log.critical("interrupted", extra={"event": "relay.interrupted"})
        return ExitCode.INTERRUPTED


async def _relay(options: Namespace) -> ExitCode:
    tables = define_tables(sa.MetaData(), prefix=options.prefix, schema=options.schema or None)
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(async_transport_from_url(options.transport))
        engine = new_engine(create_async_engine, options.database, create=options.create_tables)
        stack.push_async_callback(engine.dispose)
        if options.create_tables:
            await async_create_tables(engine, tables)
        relay = AsyncOutboxRelay(
            engine,
            transport,
            tables=tables,
            batch_size=options.batch_size,
            poll_interval=options.poll_interval,
            lease=options.lease,
            max_attempts=options.max_attempts,
            backoff=Backoff(first=options.backoff, longest=options.longest_backoff),
            on_poison=options.on_poison,
            retention=options.retention,
            retention_batch=options.retention_batch,
            retention_interval=options.retention_interval,
        )
        measured = durations.of_relay(relay, options)
        look = partial(_look, relay, measured, asyncio.get_running_loop())
        stack.enter_context(serving(options, log, look))
        instrument(relay, options)
        stop_task_on_signals(partial(_stop, relay))
        details = {"event": "relay.started", "holder": relay.holder}
        log.info("started as %s", relay.holder, extra=details)
        if options.drain:
            sent = await relay.drain()
            log.info("sent %d message(s)", sent, extra={"event": "relay.drained", "sent": sent})
        else:
            await relay.run()
        log.info("stopped", extra={"event": "relay.stopped"})
    return ExitCode.OK


def _look(
    relay: AsyncOutboxRelay, measured: Sequence[Histogram], loop: asyncio.AbstractEventLoop
) -> Report:
    """Look at a relay from another thread."""
    call = asyncio.run_coroutine_threadsafe(relay.status(), loop)
    try:
        return Report.of_relay(call.result(_LONGEST_LOOK), measured)
    except Exception as error:  # noqa: BLE001 - any reason why the database gives no answer
        call.cancel()
        return Report(f"the database gives no answer: {type(error).__name__}", measured)


def _stop(relay: AsyncOutboxRelay, name: str) -> None:
    log.info("stopping on %s", name, extra={"event": "relay.stopping", "signal": name})
    relay.stop()

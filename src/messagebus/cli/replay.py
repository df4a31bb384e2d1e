"""``messagebus replay``: rebuilds a read model from stored events."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from contextlib import aclosing, closing
from dataclasses import asdict
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from .._error_text import with_advice
from ..adapters.sqlalchemy import (
    AsyncReplay,
    AsyncSQLAlchemyUnitOfWork,
    ReplayProgress,
    SyncReplay,
    SyncSQLAlchemyUnitOfWork,
    define_tables,
)
from ..adapters.sqlalchemy.errors import add_advice
from ..exceptions import ConfigurationError, MissingExtraError
from ..service._async.registry import AsyncMessageBus
from .application import Application
from .database import new_engine
from .exit_code import ExitCode
from .output import complain, print_json
from .signals import stop_task_on_signals, stopped_by_signals

_SHOWN_EVERY = 1.0  # seconds


class _Report:
    """Shows the progress, and notes whether the replay is to stop.

    Attributes:
        stopped: whether it is to stop after the running batch.
        last: the last progress.
    """

    def __init__(self, options: Namespace) -> None:
        self.stopped = False
        self.last = ReplayProgress(0, 0, 0)
        self._json: bool = options.json
        self._shown_at = monotonic()

    @property
    def is_complete(self) -> bool:
        """Whether everything is applied."""
        return self.last.position >= self.last.until

    def stop(self, name: str) -> None:
        """Note a signal."""
        self.stopped = True
        complain(f"stopping on {name}, after the running batch")

    def note(self, progress: ReplayProgress) -> None:
        """Note the progress, and show it once in a while."""
        self.last = progress
        if monotonic() >= self._shown_at + _SHOWN_EVERY and not self.is_complete:
            self._show(f"position {progress.position} of {progress.until}")

    def end(self) -> ExitCode:
        """Show what was done; return the exit status."""
        text = f"{self.last.applied} message(s), up to position {self.last.position}"
        if self.is_complete:
            self._show(f"replayed {text}")
            return ExitCode.OK
        self._show(f"stopped: replayed {text} of {self.last.until}; run it again to go on")
        return ExitCode.INTERRUPTED

    def _show(self, text: str) -> None:
        self._shown_at = monotonic()
        if self._json:
            print_json({**asdict(self.last), "complete": self.is_complete})
        else:
            print(text, flush=True)  # noqa: T201


def run(options: Namespace) -> ExitCode:
    """Replay stored events until the last one, or until the process is told to stop."""
    application = Application.load(options.application)
    report = _Report(options)
    try:
        if isinstance(application.bus, AsyncMessageBus):
            asyncio.run(_replay(application, options, report))
        else:
            _replay_in_thread(application, options, report)
    except (asyncio.CancelledError, KeyboardInterrupt):
        complain("interrupted; run it again to go on")
        return ExitCode.INTERRUPTED
    except (ConfigurationError, MissingExtraError):
        raise
    except SQLAlchemyError as error:
        add_advice(error)
        complain(with_advice(error))
        return ExitCode.DATABASE
    except Exception as error:  # noqa: BLE001 - listeners may raise anything
        complain(f"the replay has failed: {type(error).__name__}: {with_advice(error)}")
        return ExitCode.FAILED
    return report.end()


async def _replay(application: Application, options: Namespace, report: _Report) -> None:
    arguments = _arguments(application, options, AsyncSQLAlchemyUnitOfWork)
    engine = new_engine(create_async_engine, options.database)
    try:
        replay = AsyncReplay(engine, **arguments)
        stop_task_on_signals(report.stop)
        run = replay.run(after=options.after, since=options.since)
        async with aclosing(run):
            async for progress in run:
                report.note(progress)
                if report.stopped:
                    break
    finally:
        await engine.dispose()


def _replay_in_thread(application: Application, options: Namespace, report: _Report) -> None:
    arguments = _arguments(application, options, SyncSQLAlchemyUnitOfWork)
    engine = new_engine(sa.create_engine, options.database)
    try:
        replay = SyncReplay(engine, **arguments)
        run = replay.run(after=options.after, since=options.since)
        with stopped_by_signals(report.stop), closing(run):
            for progress in run:
                report.note(progress)
                if report.stopped:
                    break
    finally:
        engine.dispose()


def _arguments(application: Application, options: Namespace, kind: type) -> dict[str, Any]:
    uow = application.unit_of_work()
    if not isinstance(uow, kind):
        text = f"The unit of work of {options.application!r} cannot store the position of a replay"
        advice = f"Let `unit_of_work` return a {kind.__name__}, as the bus needs it."
        raise ConfigurationError(text, advice=advice)
    return {
        "bus": application.bus,
        "uow": uow,
        "name": options.read_model,
        "names": options.names,
        "deserializer": application.deserializer,
        "tables": define_tables(
            sa.MetaData(), prefix=options.prefix, schema=options.schema or None
        ),
        "batch_size": options.batch_size,
        "dependencies": application.dependencies,
    }

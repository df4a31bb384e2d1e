"""``messagebus web``: serves the page that shows and repairs an outbox."""

from __future__ import annotations

import asyncio
import logging
import socket
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from .._error_text import with_advice
from ..adapters.sqlalchemy import define_tables
from ..adapters.sqlalchemy.errors import add_advice
from ..adapters.sqlalchemy.tables import ensure_exist
from ..exceptions import ConfigurationError, MissingExtraError
from ..service._async.registry import AsyncMessageBus
from ..web import create_app
from ..web.guard import LOOPBACK
from ..web.login import OneTimeLogin
from . import logs
from .application import Application
from .database import new_engine
from .exit_code import ExitCode
from .signals import stop_task_on_signals

try:
    import uvicorn
except ImportError as _error:
    raise MissingExtraError(__name__, "web") from _error

log: logging.Logger = logging.getLogger("messagebus.web")


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: uvicorn would raise them again at its end."""
        yield


def run(options: Namespace) -> ExitCode:
    """Serve the page until the process is told to stop."""
    logs.configure(options.log_format, options.log_level)
    arguments = {} if options.app is None else _arguments(Application.load(options.app))
    try:
        with closing(_listen(options.host, options.port)) as listener:
            asyncio.run(_serve(options, listener, arguments))
    except SQLAlchemyError as error:
        add_advice(error)
        log.critical("%s", with_advice(error), extra={"event": "web.ended"})
        return ExitCode.DATABASE
    except (asyncio.CancelledError, KeyboardInterrupt):
        log.critical("interrupted", extra={"event": "web.interrupted"})
        return ExitCode.INTERRUPTED
    return ExitCode.OK


def _arguments(application: Application) -> dict[str, Any]:
    if not isinstance(application.bus, AsyncMessageBus):
        return {"bus": application.bus}
    return {
        "bus": application.bus,
        "unit_of_work": application.unit_of_work,
        "deserializer": application.deserializer,
        "dependencies": application.dependencies,
    }


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        text = f"The page cannot listen on {host}, port {port}: {error.strerror or error}"
        raise ConfigurationError(text, advice="Choose others with --host and --port.") from error


async def _serve(options: Namespace, listener: socket.socket, arguments: dict[str, Any]) -> None:
    engine = new_engine(create_async_engine, options.database)
    tables = define_tables(sa.MetaData(), prefix=options.prefix, schema=options.schema or None)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(ensure_exist, tables)
        host = f"[{options.host}]" if ":" in options.host else options.host
        port = listener.getsockname()[1]
        login = OneTimeLogin(f"messagebus_{port}")
        hosts = {*LOOPBACK, host}
        app = create_app(engine, authorize=login.authorize, tables=tables, hosts=hosts, **arguments)
        config = uvicorn.Config(
            login.guarding(app),
            log_config=None,
            log_level="warning",
            access_log=False,  # which would have the token
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=20,
        )
        server = _Server(config)
        stop_task_on_signals(partial(_stop, server))
        # Anyone who sees the link can use it once, so it goes to the terminal and to no log.
        print(f"http://{host}:{port}/{login.query}", flush=True)  # noqa: T201
        await server.serve(sockets=[listener])
    finally:
        await engine.dispose()


def _stop(server: uvicorn.Server, name: str) -> None:
    log.info("stopping on %s", name, extra={"event": "web.stopping", "signal": name})
    server.should_exit = True

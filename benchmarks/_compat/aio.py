"""A connection to PostgreSQL, for code that runs in an event loop."""

from __future__ import annotations

from psycopg import AsyncConnection as AsyncPostgres

__all__ = ["AsyncPostgres"]

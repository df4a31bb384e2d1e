"""Connections to PostgreSQL, for async code."""

from __future__ import annotations

from psycopg import AsyncConnection as AsyncPostgres

__all__ = ["AsyncPostgres"]

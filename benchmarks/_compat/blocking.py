"""Connections to PostgreSQL, for sync code."""

from __future__ import annotations

from psycopg import Connection as SyncPostgres

__all__ = ["SyncPostgres"]

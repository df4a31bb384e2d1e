"""What has to be installed for the shop."""

from __future__ import annotations

from messagebus.exceptions import MissingExtraError

# For each library, and each extra that brings one, the extra that the shop needs.
_EXTRAS = {
    "aiosqlite": "sqlite",
    "nats": "nats",
    "psycopg": "postgres",
    "redis": "redis",
    "sqlalchemy": "sqlite",
}


def advice(error: ImportError) -> str | None:
    """Say what to install; None if nothing is missing that an extra brings."""
    missing = error.extra if isinstance(error, MissingExtraError) else error.name
    extra = _EXTRAS.get((missing or "").partition(".")[0])
    if extra is None:
        return None
    return f'error: {missing} is not installed: pip install -e ".[{extra}]"'

"""The web page: shows the outbox and the dead letters of a database, and repairs them.

Needs the extra `web`, and the driver of the database.
"""

from __future__ import annotations

from ..exceptions import MissingExtraError

try:
    import jinja2 as _templates  # noqa: F401
    import starlette as _library  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(__name__, "web") from _error

from .app import create_app
from .guard import Authorize

__all__ = ["Authorize", "create_app"]

"""The service as the command line finds it: ``messagebus consume examples.allocation.app:app``."""

from __future__ import annotations

import os
from functools import partial

from .bootstrap import Service
from .notifications import Emails, Printout

DATABASE = "sqlite:///allocation.sqlite"
"""The database, unless ALLOCATION_DATABASE names another one."""

mail_server = os.environ.get("ALLOCATION_SMTP")
app = Service(
    os.environ.get("ALLOCATION_DATABASE", DATABASE),
    partial(Emails, mail_server) if mail_server else Printout,
)
app.create_tables()

"""A replay that is killed while it rebuilds a read model, and run again."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from messagebus import AsyncAbstractRepository, AsyncMessageBus, Model, SyncMessageBus
from messagebus.adapters.sqlalchemy import (
    AsyncReplay,
    AsyncSQLAlchemyUnitOfWork,
    SyncReplay,
    prepare_sqlite,
)

from .application import Job, begin, new_engine
from .faults import Fault, Point, Trap
from .ledger import Key, Ledger, Write, Written, new_bus
from .reading import Applied, applied, metadata
from .trial import LONGEST_LIFE, Trial

TRANSACTIONS = 120
BATCH = 3

"""Fixtures of the core."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus import AsyncMessageBus
from messagebus.testing.outbox import AsyncRecorder
from tests._async.fakes import AsyncLibrary, AsyncRecordingEventstore


@pytest.fixture
def bus() -> AsyncMessageBus[Any]:
    """Return a bus without listeners."""
    return AsyncMessageBus()


@pytest.fixture
def transport() -> AsyncRecorder:
    """Return a transport that records what it is sent."""
    return AsyncRecorder()


@pytest.fixture
def eventstore(transport: AsyncRecorder) -> AsyncRecordingEventstore:
    """Return an eventstore that publishes to the transport."""
    return AsyncRecordingEventstore(transport)


@pytest.fixture
def uow(eventstore: AsyncRecordingEventstore) -> AsyncLibrary:
    """Return a unit of work with that eventstore."""
    return AsyncLibrary(eventstore)

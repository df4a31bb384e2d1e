"""The sorting of errors: an outage of the broker, or the fault of a message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from messagebus.adapters.sqlalchemy.delivery import Outcome
from messagebus.exceptions import (
    BatchSendError,
    MessageRejectedError,
    StreamMissingError,
    TransportUnavailableError,
)

ROWS: list[Any] = [SimpleNamespace(position=position) for position in (3, 5, 8)]


def batch_error(sent: int, cause: Exception) -> BatchSendError:
    """Return the error of a batch that broke off."""
    error = BatchSendError(sent)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        TransportUnavailableError("away"),
        StreamMissingError("events", "create it"),
        ConnectionRefusedError(),
        BrokenPipeError(),
        TimeoutError(),
    ],
)
def test_who_cannot_reach_the_broker_blames_no_message(error: Exception) -> None:
    """Lost connections and timeouts are outages, alone and at the end of a batch."""
    alone = Outcome.of_failure(ROWS, error)
    batch = Outcome.of_failure(ROWS, batch_error(2, error))

    assert ([], None, error) == (alone.sent, alone.failed, alone.error)
    assert ([3, 5], None, error) == (batch.sent, batch.failed, batch.error)


@pytest.mark.parametrize("error", [RuntimeError("no"), MessageRejectedError({"id": "1"}, "no")])
def test_everything_else_is_the_fault_of_the_first_message_that_was_not_sent(
    error: Exception,
) -> None:
    """The messages before it count as sent, and those after it as not tried."""
    alone = Outcome.of_failure(ROWS, error)
    batch = Outcome.of_failure(ROWS, batch_error(1, error))

    assert ([], ROWS[0], error) == (alone.sent, alone.failed, alone.error)
    assert ([3], ROWS[1], error) == (batch.sent, batch.failed, batch.error)
    assert isinstance(error, MessageRejectedError) == batch.is_rejection


def test_a_batch_that_broke_off_at_its_end_was_sent() -> None:
    """Where everything was confirmed, nothing is left to fail."""
    outcome = Outcome.of_failure(ROWS, batch_error(3, RuntimeError("afterwards")))

    assert ([3, 5, 8], None, None) == (outcome.sent, outcome.failed, outcome.error)

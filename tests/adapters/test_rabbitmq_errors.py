"""What the errors of RabbitMQ mean."""

from __future__ import annotations

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelClosed,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionClosed,
    InvalidFrameError,
    ProbableAuthenticationError,
)

from messagebus.adapters._transport.meaning import Meaning
from messagebus.adapters.rabbitmq.errors import explain

ROWS = [
    (ProbableAuthenticationError("ACCESS_REFUSED - Login was refused"), Meaning.REFUSED),
    (ChannelAccessRefused("ACCESS_REFUSED - access to exchange 'a'"), Meaning.REFUSED),
    (ConnectionClosed(530, "NOT_ALLOWED - vhost a not found"), Meaning.REFUSED),
    (ConnectionClosed(402, "INVALID_PATH - a"), Meaning.REFUSED),
    (ConnectionClosed(540, "NOT_IMPLEMENTED - a"), Meaning.REFUSED),
    (ChannelClosed(311, "CONTENT_TOO_LARGE - a"), Meaning.BAD_MESSAGE),
    (ChannelClosed(312, "NO_ROUTE"), Meaning.BAD_MESSAGE),
    (ChannelPreconditionFailed("PRECONDITION_FAILED - message size"), Meaning.BAD_MESSAGE),
    (InvalidFrameError("Expected one of ['Connection.OpenOk'], got a"), Meaning.RECONNECT),
    (ConnectionClosed(320, "CONNECTION_FORCED - broker forced"), Meaning.RECONNECT),
    (ChannelClosed(405, "RESOURCE_LOCKED - a"), Meaning.RECONNECT),
    (ConnectionClosed(506, "RESOURCE_ERROR - a"), Meaning.RECONNECT),
    (ConnectionClosed(541, "INTERNAL_ERROR"), Meaning.RECONNECT),
    (ConnectionClosed(501, "FRAME_ERROR - a"), Meaning.RECONNECT),
    (ConnectionClosed(504, "CHANNEL_ERROR - a"), Meaning.RECONNECT),
    (ChannelNotFoundEntity("NOT_FOUND - no exchange 'a'"), Meaning.RECONNECT),
    (ChannelInvalidStateError("closed"), Meaning.RECONNECT),
    (AMQPConnectionError("refused"), Meaning.RECONNECT),
    (TimeoutError(), Meaning.RECONNECT),
]


@pytest.mark.parametrize(("error", "meaning"), ROWS, ids=lambda each: str(each)[:40])
def test_an_error_of_rabbitmq_has_a_meaning(error: Exception, meaning: Meaning) -> None:
    """It follows from the reply text; what is unknown may be over with another connection."""
    assert meaning is explain(error)[0]
    assert explain(error)[1].startswith("RabbitMQ: ")

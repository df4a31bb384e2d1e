"""The errors of RabbitMQ by meaning. To extend a table, add a row, and a row to its test."""

from __future__ import annotations

from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq.exceptions import ProbableAuthenticationError

from .._transport.meaning import UNKNOWN, Meaning, Row, look_up

CLIENT_ERRORS = (AMQPError, OSError, ChannelInvalidStateError)

# The reply texts of AMQP, each of which begins with the name of its code.
TEXTS = (
    Row("ACCESS_REFUSED", Meaning.REFUSED, "Correct the user, the password or the permissions."),
    Row("NOT_ALLOWED", Meaning.REFUSED, "Correct the virtual host, or the user's access to it."),
    Row("INVALID_PATH", Meaning.REFUSED, "Correct the virtual host."),
    Row("NOT_IMPLEMENTED", Meaning.REFUSED),
    Row("CONTENT_TOO_LARGE", Meaning.BAD_MESSAGE),
    Row("NO_ROUTE", Meaning.BAD_MESSAGE, "Bind a queue to the exchange."),
    Row("PRECONDITION_FAILED", Meaning.BAD_MESSAGE),
    Row(  # the client hides the reply text
        "Expected one of ['Connection.OpenOk']",
        Meaning.RECONNECT,
        "Ensure that the virtual host exists, and that the user may use it.",
    ),
    Row("CONNECTION_FORCED", Meaning.RECONNECT),
    Row("RESOURCE_LOCKED", Meaning.RECONNECT),
    Row("RESOURCE_ERROR", Meaning.RECONNECT),
    Row("INTERNAL_ERROR", Meaning.RECONNECT),
    Row("FRAME_ERROR", Meaning.RECONNECT),
    Row("CHANNEL_ERROR", Meaning.RECONNECT),
)


def text_of(error: Exception) -> str:
    """Return the reply text of the server, or else the text of the client."""
    texts = [str(each) for each in error.args if isinstance(each, str)]
    if isinstance(error, ProbableAuthenticationError) and not texts:
        return "ACCESS_REFUSED"
    known = (each for each in texts if look_up(TEXTS, each) is not UNKNOWN)
    return next(known, None) or str(error) or type(error).__name__


def explain(error: Exception) -> tuple[Meaning, str]:
    """Return what an error means, and a text for it: the server's answer, and what to do."""
    text = text_of(error)
    row = look_up(TEXTS, text)
    # Whatever else fails between the client and the server may be over with another connection.
    meaning = Meaning.RECONNECT if row is UNKNOWN else row.meaning
    answer = f"RabbitMQ: {text}"
    return meaning, f"{answer}. {row.advice}" if row.advice else answer

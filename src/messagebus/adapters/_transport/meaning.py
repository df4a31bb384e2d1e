"""The meanings of a broker's answers, and the exceptions that follow from them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ...exceptions import MessageRejectedError, TransportRefusedError, TransportUnavailableError


class Meaning(enum.Enum):
    """What an error of a broker means, and what follows from it."""

    TRY_AGAIN = "the same broker may accept the message soon"
    RECONNECT = "another broker may accept it: the connection must be dropped first"
    BAD_MESSAGE = "no broker configured like this one will ever accept the message"
    REFUSED = "the user or the configuration is wrong: waiting does not help"


class Row(NamedTuple):
    """A row in the table of the errors of a broker.

    Attributes:
        begins: how the text of the error begins, in either case.
        meaning: what it means.
        advice: what to do, as a sentence.
    """

    begins: str
    meaning: Meaning
    advice: str = ""


# A broker may get new errors with each version. As an outage, an unknown one is reported and costs
# time only. As a fault of the message it could park a whole backlog, and as a wrong configuration
# it could end a relay for something that passes.
UNKNOWN = Row("", Meaning.TRY_AGAIN)


def look_up(table: Iterable[Row], text: str) -> Row:
    """Return the first row that fits the text of an error; *UNKNOWN* if none does."""
    text = text.lower()
    for row in table:
        begin = row.begins.lower()
        if text.startswith(begin) and not text[len(begin) : len(begin) + 1].isalnum():
            return row
    return UNKNOWN


def failure_of(
    meaning: Meaning, text: str, message: Mapping[str, Any] | None
) -> TransportUnavailableError | MessageRejectedError:
    """Return the exception to raise for an error of a broker.

    Args:
        meaning: what the error means.
        text: the answer of the broker, and what to do.
        message: the message that it refused; None if there was none.
    """
    if meaning is Meaning.BAD_MESSAGE and message is not None:
        return MessageRejectedError(message, text)
    kind = TransportRefusedError if meaning is Meaning.REFUSED else TransportUnavailableError
    return kind(text)

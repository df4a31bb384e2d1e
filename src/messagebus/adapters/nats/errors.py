"""The errors of NATS by meaning. To extend a table, add a row, and a row to its test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NoStreamResponseError

from .._transport.meaning import UNKNOWN, Meaning, Row, look_up

CLIENT_ERRORS = (NatsError, OSError)  # TimeoutError is an OSError
_NO_RESPONDERS = "503"
_OTHER_STREAM = 10060

_LOGIN = "Correct the user, the password or the token."
_RIGHTS = (
    "Let the user publish to the subjects of its messages and to $JS.API.STREAM.INFO.<stream>, "
    "with create=True also to $JS.API.STREAM.CREATE.<stream>, and subscribe to _INBOX.>."
)
_TLS = "Set up TLS at the server; without it, anybody on the way could read the login."
_CERTIFICATE = "Trust its issuer, with an SSLContext: options={'tls': context}."
_ROOM = "Raise the limits of the stream, the account or the server, or delete messages."

# The answers of the server outside of JetStream, and the errors of the client, by their text.
TEXTS = (
    Row("Authorization Violation", Meaning.REFUSED, _LOGIN),
    Row("authorization failed", Meaning.REFUSED, _LOGIN),
    Row("User Authentication Expired", Meaning.REFUSED, "Renew the credentials."),
    Row("User Authentication Revoked", Meaning.REFUSED, "Renew the credentials."),
    Row("Account Authentication Expired", Meaning.REFUSED, "Renew the credentials."),
    Row("invalid user credentials", Meaning.REFUSED, "Correct the file of the credentials."),
    Row("Permissions Violation", Meaning.REFUSED, _RIGHTS),
    Row("secure connection not available", Meaning.REFUSED, _TLS),
    Row("[SSL: CERTIFICATE_VERIFY_FAILED]", Meaning.REFUSED, _CERTIFICATE),
    Row("secure connection", Meaning.REFUSED, "Use the scheme tls:// where the server needs it."),
    Row("attempted to connect to", Meaning.REFUSED, "Use the port for clients, such as 4222."),
    Row("maximum payload", Meaning.BAD_MESSAGE),
    Row("invalid subject", Meaning.BAD_MESSAGE),
    Row("Authentication Timeout", Meaning.RECONNECT),
    Row("maximum connections exceeded", Meaning.RECONNECT),
    Row("maximum account active connections exceeded", Meaning.RECONNECT),
    Row("timeout", Meaning.RECONNECT),
    Row("unexpected EOF", Meaning.RECONNECT),
    Row("stale connection", Meaning.RECONNECT),
    Row("connection closed", Meaning.RECONNECT),
)

# The answers of JetStream, by their code; the server's list is its file errors.json.
CODES: Mapping[int, Row] = {
    10002: Row("resource limits exceeded for account", Meaning.TRY_AGAIN, _ROOM),
    10008: Row("JetStream system temporarily unavailable", Meaning.TRY_AGAIN),
    10009: Row("JetStream cluster can not handle request", Meaning.TRY_AGAIN),
    10023: Row("insufficient resources", Meaning.TRY_AGAIN, _ROOM),
    10028: Row("insufficient memory resources available", Meaning.TRY_AGAIN, _ROOM),
    10047: Row("insufficient storage resources available", Meaning.TRY_AGAIN, _ROOM),
    10077: Row("maximum messages exceeded", Meaning.TRY_AGAIN, _ROOM),  # or bytes
    10118: Row("stream is offline", Meaning.TRY_AGAIN),
    10054: Row("message size exceeds maximum allowed", Meaning.BAD_MESSAGE),
    _OTHER_STREAM: Row("expected stream does not match", Meaning.BAD_MESSAGE),
    10097: Row("header size exceeds maximum allowed of 64k", Meaning.BAD_MESSAGE),
    10027: Row("maximum number of streams reached", Meaning.REFUSED, "Create the stream yourself."),
    10039: Row("JetStream not enabled for account", Meaning.REFUSED, "Enable it for the account."),
    10052: Row("invalid configuration of a stream", Meaning.REFUSED, "Create the stream yourself."),
    10065: Row(
        "subjects overlap with an existing stream",
        Meaning.REFUSED,
        "Use that stream, or other subjects.",
    ),
    10076: Row("JetStream not enabled", Meaning.REFUSED, "Start the server with JetStream."),
    10109: Row("invalid operation on sealed stream", Meaning.REFUSED, "Use another stream."),
}


def error_of(answer: Msg) -> Exception | None:
    """Return the error in an answer of JetStream; None if there is none."""
    if (answer.headers or {}).get("Status") == _NO_RESPONDERS:
        return NoStreamResponseError()
    problem = json.loads(answer.data).get("error")
    if problem is None:
        return None
    try:
        raise APIError.from_error(problem)
    except APIError as error:
        return error


def is_misdirected(error: Exception) -> bool:
    """Return whether no stream listens to the subject of a message, or another one does."""
    return isinstance(error, NoStreamResponseError) or (
        isinstance(error, APIError) and error.err_code == _OTHER_STREAM
    )


def explain(error: Exception) -> tuple[Meaning, str]:
    """Return what an error means, and a text for it: the server's answer, and what to do."""
    if isinstance(error, APIError):
        row = CODES.get(error.err_code or 0, UNKNOWN)
        number = f" (error {error.err_code})" if error.err_code else ""
        return row.meaning, _text(f"{error.description}{number}", row.advice)
    text = str(error).removeprefix("nats: ").strip("'") or type(error).__name__
    row = look_up(TEXTS, text)
    # Whatever else fails between the client and the server may be over with another connection.
    meaning = Meaning.RECONNECT if row is UNKNOWN else row.meaning
    return meaning, _text(text, row.advice)


def violation_of(error: Exception, names: Iterable[str]) -> str | None:
    """Return the text of a violation of permissions as the server wrote it; None if it is none.

    Args:
        error: what the client reports, in lower case.
        names: the subjects it may be about.
    """
    text = str(error).removeprefix("nats: ")
    start, quote, subject = text.partition('"')
    if not start.lower().startswith("permissions violation"):
        return None
    by_lower = {name.lower(): name for name in names}
    words = (word if word in {"for", "to"} else word.capitalize() for word in start.split())
    found = subject.rstrip('"')
    return f"{' '.join(words)} {quote}{by_lower.get(found.lower(), found)}{quote}"


def _text(answer: str, advice: str) -> str:
    return f"NATS: {answer}. {advice}" if advice else f"NATS: {answer}"

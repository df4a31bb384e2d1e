"""The errors of Redis by meaning. To extend the table, add a row, and a row to its test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from redis import exceptions as library

from .._transport.meaning import UNKNOWN, Meaning, Row, look_up

SENDING = (
    "Let the user run EVALSHA, SCRIPT LOAD, GET, SET, TYPE, XADD, XTRIM and TIME, and access the "
    "keys {stream} and {place}:*."
)
READING = (
    "Let the user run XREADGROUP, XACK, XCLAIM, XAUTOCLAIM, XPENDING, XGROUP and XINFO, and access "
    "the key {stream}."
)
_RIGHTS = "{rights}"
_CLUSTER = (
    "The server is a node of a cluster. Give the transport a client for clusters, RedisCluster, or "
    "the URL of the node that holds the stream."
)
_TYPE = "Give the stream another name, or rename what is there."
_VERSION = "Use Redis 6.2 or later, or Valkey, and not the port of a Sentinel."
_CERTIFICATE = "Trust its issuer: ?ssl_ca_certs=ca.pem in the URL."
_USER = "Correct the user or the password."

CLIENT_ERRORS = (library.RedisError, library.RedisClusterException, OSError)
_NETWORK_ERRORS = (library.ConnectionError, library.TimeoutError, OSError)

# The first word of an answer, or what follows the word ERR. The first row that fits counts.
TABLE = (
    # The server is not, or no longer, the one that takes writes; its name may lead to another.
    Row("READONLY", Meaning.RECONNECT),
    Row("LOADING", Meaning.RECONNECT),
    Row("MASTERDOWN", Meaning.RECONNECT),
    Row("CLUSTERDOWN", Meaning.RECONNECT),
    Row("REDIRECT", Meaning.RECONNECT),
    Row("UNBLOCKED", Meaning.RECONNECT),
    Row("max number of clients", Meaning.RECONNECT, "Raise maxclients, or end other clients."),
    # The server cannot write now.
    Row("TRYAGAIN", Meaning.TRY_AGAIN),
    Row("BUSY", Meaning.TRY_AGAIN),
    Row("NOREPLICAS", Meaning.TRY_AGAIN),
    Row("NOSCRIPT", Meaning.TRY_AGAIN),
    Row("NOGROUP", Meaning.TRY_AGAIN, "A source creates its group again, from the beginning."),
    Row("OOM", Meaning.TRY_AGAIN, "Raise maxmemory, or trim streams: max_length, max_age."),
    Row("MISCONF", Meaning.TRY_AGAIN, "The server cannot write to its disk: see its log."),
    # The user, or a name, is wrong.
    Row("NOAUTH", Meaning.REFUSED, "Give the URL a user and a password."),
    Row("WRONGPASS", Meaning.REFUSED, _USER),
    Row("invalid password", Meaning.REFUSED, _USER),
    Row("AUTH", Meaning.REFUSED, "Leave the password out of the URL, or set one at the server."),
    Row("NOPERM", Meaning.REFUSED, _RIGHTS),
    Row("ACL failure in script", Meaning.REFUSED, _RIGHTS),
    Row("The user executing the script can't", Meaning.REFUSED, _RIGHTS),
    Row("WRONGTYPE", Meaning.REFUSED, _TYPE),
    Row("DENIED", Meaning.REFUSED),
    Row("[SSL: CERTIFICATE_VERIFY_FAILED]", Meaning.REFUSED, _CERTIFICATE),
    Row("NOPROTO", Meaning.REFUSED, "Use another protocol: ?protocol=2 in the URL."),
    Row("MOVED", Meaning.REFUSED, _CLUSTER),
    Row("ASK", Meaning.REFUSED, _CLUSTER),
    Row("CROSSSLOT", Meaning.REFUSED, _CLUSTER),
    Row("SELECT is not allowed in cluster mode", Meaning.REFUSED, _CLUSTER),
    Row("DB index is out of range", Meaning.REFUSED, "Use a smaller number in the URL."),
    Row("invalid DB index", Meaning.REFUSED, "Use a smaller number in the URL."),
    Row("unknown command", Meaning.REFUSED, _VERSION),
    Row("unknown subcommand", Meaning.REFUSED, _VERSION),
    Row("Unknown Redis command called from", Meaning.REFUSED, _VERSION),
    Row("The stream has exhausted the last possible ID", Meaning.REFUSED, _TYPE),
    # A bundle of messages is one argument, so it need not be a message that is too large.
    Row("Protocol error: invalid bulk length", Meaning.REFUSED, "Raise proto-max-bulk-len."),
    # The message is larger than the server takes.
    Row("Elements are too large to be stored", Meaning.BAD_MESSAGE),
    Row("string exceeds maximum allowed size", Meaning.BAD_MESSAGE),
)

# Versions of redis-py without `status_code` turn the first word into a class and drop it.
_WORDS: dict[type[Exception], str] = {
    library.AskError: "ASK",
    library.AuthenticationError: "NOAUTH",
    library.BusyLoadingError: "LOADING",
    library.ClusterCrossSlotError: "CROSSSLOT",
    library.ClusterDownError: "CLUSTERDOWN",
    library.MasterDownError: "MASTERDOWN",
    library.MovedError: "MOVED",
    library.NoPermissionError: "NOPERM",
    library.NoScriptError: "NOSCRIPT",
    library.OutOfMemoryError: "OOM",
    library.ReadOnlyError: "READONLY",
    library.TryAgainError: "TRYAGAIN",
}
_BRACES = re.compile(r"^[^{]*\{[^}]+\}")
_SCRIPT_LINE = re.compile(r"^@user_script: ?\d+: -?")  # before errors in scripts, until Redis 6.2


class Problem(NamedTuple):
    """What stopped the transport, or the source.

    Attributes:
        answer: the error of the server, or of the network.
        command: the command that it answered; empty if it was none inside of a script.
        key: the key of the command.
        found: the type of what the key holds instead of what it should; empty if unknown.
        lost: whether the connection, and perhaps the others of the pool, may be lost.
    """

    answer: str
    command: str = ""
    key: str = ""
    found: str = ""
    lost: bool = False


def problem_of(parts: Sequence[bytes | str]) -> Problem | None:
    """Return the problem in the answer of a script; None if there is none."""
    texts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in parts]
    answer, command, key, found = texts
    return Problem(answer, command, key, found) if answer else None


def problem_of_client(error: Exception) -> Problem:
    """Return the problem in an error of the client, with the first word of the server's answer."""
    text = str(error)
    _, certificate, reason = text.partition("[SSL: CERTIFICATE_VERIFY_FAILED]")
    if certificate:  # after the place
        return Problem(f"{certificate}{reason}", lost=True)
    word = getattr(error, "status_code", None) or _WORDS.get(type(error), "")
    if not text.startswith(word):
        text = f"{word} {text}"
    return Problem(text, lost=isinstance(error, _NETWORK_ERRORS))


def explain(problem: Problem, stream: str, rights: str = SENDING) -> tuple[Meaning, str]:
    """Return what an error means, and a text for it: the answer, what it is about, what to do.

    Args:
        problem: what stopped the transport.
        stream: the key of the stream.
        rights: what to do if the user lacks a right.
    """
    answer = _SCRIPT_LINE.sub("", problem.answer).strip()
    row = look_up(TABLE, answer.removeprefix("ERR "))
    meaning = Meaning.RECONNECT if row is UNKNOWN and problem.lost else row.meaning
    details = [f"stream {stream!r}"]
    if problem.command:
        details.append(f"{problem.command} on the key {problem.key!r}")
    if problem.found:
        details.append(f"the key holds a {problem.found}")
    text = f"Redis: {answer.rstrip('.')} ({', '.join(details)})"
    advice = rights if row.advice == _RIGHTS else row.advice
    advice = advice.format(stream=stream, place=place_of(stream))
    return meaning, f"{text}. {advice}" if advice else text


def place_of(stream: str) -> str:
    """Return the beginning of the keys that remember the messages of a stream, up to the colon.

    In a cluster, the stream and these keys must be on one node. The part of a key between braces
    decides the node, unless it is empty.
    """
    return stream if _BRACES.search(stream) else f"{{{stream}}}"

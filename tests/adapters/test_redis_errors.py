from __future__ import annotations

from typing import Any

import pytest
from redis import exceptions as library
from redis._parsers import BaseParser

from messagebus.adapters._transport.meaning import Meaning, look_up
from messagebus.adapters.redis.errors import (
    READING,
    TABLE,
    Problem,
    explain,
    place_of,
    problem_of,
    problem_of_client,
)

RECONNECT, TRY_AGAIN, REFUSED, BAD = (
    Meaning.RECONNECT,
    Meaning.TRY_AGAIN,
    Meaning.REFUSED,
    Meaning.BAD_MESSAGE,
)
ANSWERS = [  # as Redis 6.2, Redis 8 and Valkey 9 write them
    ("READONLY You can't write against a read only replica.", RECONNECT),
    ("READONLY Can not run script with write flag on readonly replica", RECONNECT),
    ("LOADING Redis is loading the dataset in memory", RECONNECT),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", RECONNECT),
    ("CLUSTERDOWN The cluster is down", RECONNECT),
    ("CLUSTERDOWN Hash slot not served", RECONNECT),
    ("REDIRECT 10.0.0.2:6379", RECONNECT),
    ("UNBLOCKED force unblock from blocking operation, instance state changed", RECONNECT),
    ("ERR max number of clients reached", RECONNECT),
    ("ERR max number of clients + cluster connections reached", RECONNECT),
    ("TRYAGAIN Multiple keys request during rehashing of slot", TRY_AGAIN),
    ("BUSY Redis is busy running a script. You can only call SCRIPT KILL.", TRY_AGAIN),
    ("NOREPLICAS Not enough good replicas to write.", TRY_AGAIN),
    ("NOSCRIPT No matching script.", TRY_AGAIN),
    ("OOM command not allowed when used memory > 'maxmemory'.", TRY_AGAIN),
    ("MISCONF Errors writing to the AOF file: No space left on device", TRY_AGAIN),
    ("NOGROUP No such key 'shop' or consumer group 'billing' in XREADGROUP", TRY_AGAIN),
    ("NOAUTH Authentication required.", REFUSED),
    ("WRONGPASS invalid username-password pair or user is disabled.", REFUSED),
    ("ERR invalid password", REFUSED),
    ("ERR AUTH <password> called without any password configured for the default user.", REFUSED),
    ("NOPERM User app has no permissions to run the 'evalsha' command", REFUSED),
    ("ERR ACL failure in script: User app has no permissions to run the 'set' command", REFUSED),
    ("The user executing the script can't run this command or subcommand", REFUSED),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", REFUSED),
    ("DENIED Redis is running in protected mode because protected mode is enabled", REFUSED),
    ("NOPROTO unsupported protocol version", REFUSED),
    ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", REFUSED),
    ("MOVED 15495 10.0.0.2:6379", REFUSED),
    ("ASK 15495 10.0.0.2:6379", REFUSED),
    ("CROSSSLOT Keys in request don't hash to the same slot", REFUSED),
    ("ERR SELECT is not allowed in cluster mode", REFUSED),
    ("ERR DB index is out of range", REFUSED),
    ("ERR invalid DB index", REFUSED),
    ("ERR unknown command 'EVALSHA', with args beginning with: ", REFUSED),
    ("ERR unknown subcommand 'LOAD'. Try SCRIPT HELP.", REFUSED),
    ("ERR Unknown Redis command called from script", REFUSED),
    ("ERR Unknown command called from script", REFUSED),
    ("ERR The stream has exhausted the last possible ID, unable to add more items", REFUSED),
    ("ERR Protocol error: invalid bulk length", REFUSED),
    ("ERR Elements are too large to be stored", BAD),
    ("ERR string exceeds maximum allowed size (proto-max-bulk-len)", BAD),
    ("ERR something that no version has said yet", TRY_AGAIN),
    ("BUSYGROUP Consumer Group name already exists", TRY_AGAIN),
    ("MOVEDON something else", TRY_AGAIN),
]


@pytest.mark.parametrize(("answer", "meaning"), ANSWERS)
def test_an_answer_has_one_meaning(answer: str, meaning: Meaning) -> None:
    """As an error of the client, and inside of a script of any version; its text is kept."""
    parse: Any = BaseParser.parse_error
    from_client = problem_of_client(parse(answer))
    problems = [Problem(answer), from_client]
    problems += [Problem(f"@user_script: 12: {sign}{answer}\r\n") for sign in ("", "-")]
    for problem in problems:
        found, text = explain(problem, "shop")
        assert meaning is found
        words = answer.removeprefix("ERR ").strip().rstrip(".")
        assert text.startswith(("Redis: " + words, "Redis: ERR " + words))
        assert "stream 'shop'" in text


def test_each_row_of_the_table_has_an_answer_here() -> None:
    """No row is left that nothing shows."""
    texts = [answer.removeprefix("ERR ") for answer, _ in ANSWERS]
    used = {row for text in texts for row in TABLE if row is look_up(TABLE, text)}

    assert set(TABLE) == used


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (library.AskError("15495 10.0.0.2:6379"), "ASK"),
        (library.MovedError("15495 10.0.0.2:6379"), "MOVED"),
        (library.ReadOnlyError("You can't write against a read only replica."), "READONLY"),
        (library.MasterDownError("Link with MASTER is down"), "MASTERDOWN"),
        (library.ClusterDownError("The cluster is down"), "CLUSTERDOWN"),
        (library.NoPermissionError("No permissions to access a key"), "NOPERM"),
    ],
)
def test_a_word_that_the_client_drops_is_added(error: Exception, word: str) -> None:
    """Versions of redis-py without a status code make a class of it."""
    assert problem_of_client(error).answer.startswith(f"{word} ")


@pytest.mark.parametrize(
    "error",
    [
        library.ConnectionError("Connection closed by server."),
        library.TimeoutError("Timeout reading from socket"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
    ],
)
def test_a_lost_connection_is_replaced(error: Exception) -> None:
    """No server has answered, so another connection may do better."""
    assert Meaning.RECONNECT is explain(problem_of_client(error), "shop")[0]


def test_the_advice_has_the_names_of_the_keys() -> None:
    """What a user must be allowed is in the text."""
    _, text = explain(Problem("NOPERM No permissions to access a key"), "shop")

    assert "access the keys shop and {shop}:*" in text


def test_a_script_reports_in_bytes_or_strings() -> None:
    """A client decodes answers, or does not."""
    expected = Problem("WRONGTYPE x", "XADD", "shop", "string")

    assert expected == problem_of([b"WRONGTYPE x", b"XADD", b"shop", b"string"])
    assert expected == problem_of(["WRONGTYPE x", "XADD", "shop", "string"])
    assert problem_of([b"", b"", b"", b""]) is None


@pytest.mark.parametrize(
    ("stream", "place"),
    [("shop", "{shop}"), ("{shop}:1", "{shop}:1"), ("a{shop}", "a{shop}"), ("a{", "{a{}")],
)
def test_a_key_is_placed_beside_its_stream(stream: str, place: str) -> None:
    """What stands between braces decides the node of a cluster."""
    assert place == place_of(stream)


def test_the_advice_for_a_source_names_its_commands() -> None:
    """A source needs other rights than a transport."""
    _, text = explain(Problem("NOPERM No permissions to run a command"), "shop", READING)

    assert "XREADGROUP, XACK" in text
    assert "access the key shop" in text

from __future__ import annotations

import ssl

import pytest
from nats import errors as library
from nats.js.errors import APIError, NoStreamResponseError

from messagebus.adapters._transport.meaning import Meaning, look_up
from messagebus.adapters.nats.errors import CODES, TEXTS, explain, violation_of

RECONNECT, TRY_AGAIN, REFUSED, BAD = (
    Meaning.RECONNECT,
    Meaning.TRY_AGAIN,
    Meaning.REFUSED,
    Meaning.BAD_MESSAGE,
)
ERRORS = [  # as the client reports them
    (library.Error("nats: 'Authorization Violation'"), REFUSED),
    (library.AuthorizationError(), REFUSED),
    (library.Error("nats: user authentication expired"), REFUSED),
    (library.Error("nats: user authentication revoked"), REFUSED),
    (library.Error("nats: account authentication expired"), REFUSED),
    (library.InvalidUserCredentialsError(), REFUSED),
    (library.Error('nats: permissions violation for publish to "shop.a"'), REFUSED),
    (library.SecureConnRequiredError(), REFUSED),
    (library.SecureConnWantedError(), REFUSED),
    (ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate"), REFUSED),
    (library.Error("nats: 'attempted to connect to leaf node port'"), REFUSED),
    (library.MaxPayloadError(), BAD),
    (library.Error("nats: maximum payload violation"), BAD),
    (library.BadSubjectError(), BAD),
    (library.Error("nats: 'Authentication Timeout'"), RECONNECT),
    (library.Error("nats: maximum connections exceeded"), RECONNECT),
    (library.Error("nats: maximum account active connections exceeded"), RECONNECT),
    (library.TimeoutError(), RECONNECT),
    (library.UnexpectedEOF(), RECONNECT),
    (library.StaleConnectionError(), RECONNECT),
    (library.ConnectionClosedError(), RECONNECT),
    (library.NoServersError(), RECONNECT),
    (library.Error("nats: something that no version has said yet"), RECONNECT),
    (NoStreamResponseError(), RECONNECT),
    (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), RECONNECT),
    (TimeoutError(), RECONNECT),
]
ANSWERS = {
    10002: TRY_AGAIN,
    10008: TRY_AGAIN,
    10009: TRY_AGAIN,
    10023: TRY_AGAIN,
    10028: TRY_AGAIN,
    10047: TRY_AGAIN,
    10077: TRY_AGAIN,
    10118: TRY_AGAIN,
    10054: BAD,
    10060: BAD,
    10097: BAD,
    10027: REFUSED,
    10039: REFUSED,
    10052: REFUSED,
    10065: REFUSED,
    10076: REFUSED,
    10109: REFUSED,
    99999: TRY_AGAIN,
}


@pytest.mark.parametrize(("error", "meaning"), ERRORS)
def test_an_error_outside_of_jetstream_has_one_meaning(error: Exception, meaning: Meaning) -> None:
    """Its text is kept; an unknown one may be over with another connection."""
    found, text = explain(error)

    assert meaning is found
    words = str(error).removeprefix("nats: ").strip("'")
    assert text.startswith(f"NATS: {words or 'TimeoutError'}")


def test_each_text_of_the_table_has_an_error_here() -> None:
    """No row is left that nothing shows."""
    texts = [str(error).removeprefix("nats: ").strip("'") for error, _ in ERRORS]

    assert set(TEXTS) == {row for text in texts for row in TEXTS if row is look_up(TEXTS, text)}


@pytest.mark.parametrize(("code", "meaning"), ANSWERS.items())
def test_an_answer_of_jetstream_has_one_meaning(code: int, meaning: Meaning) -> None:
    """Its number decides, whatever status it has; the text of the server is kept."""
    for status in (400, 500, 503):
        found, text = explain(APIError(code=status, err_code=code, description="any text"))
        assert meaning is found
        assert text.startswith(f"NATS: any text (error {code})")


def test_each_code_of_the_table_is_here() -> None:
    """No row is left that nothing shows."""
    assert {**dict.fromkeys(CODES), 99999: None}.keys() == ANSWERS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'nats: permissions violation for publish to "$js.api.stream.info.shop"',
            'Permissions Violation for Publish to "$JS.API.STREAM.INFO.Shop"',
        ),
        (
            'nats: Permissions Violation for Publish to "$JS.API.STREAM.INFO.Shop"',
            'Permissions Violation for Publish to "$JS.API.STREAM.INFO.Shop"',
        ),
        (
            'nats: permissions violation for subscription to "_inbox.a.*"',
            'Permissions Violation for Subscription to "_inbox.a.*"',
        ),
        ("nats: stale connection", None),
    ],
)
def test_a_violation_is_written_as_the_server_wrote_it(text: str, expected: str | None) -> None:
    """The client turns it into lower case, in which its subject would be another one."""
    assert expected == violation_of(library.Error(text), ["a", "$JS.API.STREAM.INFO.Shop"])

from __future__ import annotations

import pytest

from messagebus._urls import ensure_encoded
from messagebus.exceptions import ConfigurationError

READABLE = [
    "redis://localhost",
    "redis://localhost:6379/0?stream=shop&create=true",
    "redis://app:p%40ss%2Fw%23o%3Frd@localhost:6379/0",
    "redis://:secret@localhost",
    "redis://app:se:cret@localhost",
    "redis://app@localhost",
    "redis://app:@localhost",
    "rediss://app:secret@[::1]:6379/0",
    "redis://[fe80::1%25eth0]/0",
    "REDIS://app:secret@LOCALHOST",
    "unix:///run/redis@1.sock?stream=shop",
    "unix://app:secret@/run/redis.sock",
    "nats://app:secret@one:4222,other:secret@two:4222,three?stream=S&subject=s.{name}",
    "nats://token@localhost",
    "postgresql+psycopg://app:secret@localhost:5432/shop?sslmode=require",
    "postgresql://app:secret@/shop?host=/var/run/postgresql",
    "postgresql:///shop",
    "postgresql://%2Fvar%2Frun/shop",
    "sqlite:///shop.db",
    "sqlite:////home/me@work/shop.db",
    "sqlite://",
    "stdout:",
    "memory:?deduplicate=no",
    "shop",
    "",
]
AMBIGUOUS = [
    "postgresql://app:hun@zet#se/cret@localhost/shop",
    "postgresql://app:hun@secret@localhost/shop",
    "redis://app:hun#secret@localhost/0?stream=s",
    "redis://app:hun/secret@localhost/0?stream=s",
    "nats://app:hun?secret@localhost?stream=S&subject=s",
    "redis://app:12?secret@localhost/0?stream=s",
    "redis://app:12/secret@localhost/0?stream=s",
    "redis://app:12#secret@localhost/0?stream=s",
    "redis://app:hun@12/secret@localhost/0",
    "redis://app:hun@12?secret@localhost/0?stream=s",
    "redis://app:hun%secret@localhost",
    "redis://app:hun%2@localhost",
    "redis://app:hun secret@localhost",
    "redis://app:hun\tsecret@localhost",
    "redis://app:hunsecret@localhost\n",
    "redis://app:hun[secret@localhost",
    "redis://app:hun\u2100secret@localhost",
    "redis://app:hunsecret",
    "redis://app:hunsecret@localhost:port",
    "redis://app:hunsecret@localhost:65536",
    "redis://app:hunsecret@localhost:999999999999",
    "redis://app:hunsecret@localhost:-1",
    "redis://app:hunsecret@::1/0",
    "redis://app:hunsecret@[::1",
    "redis://app:hunsecret@local host",
    "REDIS://app:hun#secret@localhost",
    "rediss:///app:hunsecret@localhost/0",
    "postgresql:///app:hunsecret@localhost/shop",
    "nats://app:12,secret@localhost?stream=S",
    "nats://app:hun,secret@localhost?stream=S",
    "nats://app:hunsecret@one,two,app:hun@secret@three",
    "nats://app:hunsecret@one,app:12,secret@two",
    "unix://app:hun/secret@/run/redis.sock",
    "app:hunsecret@localhost",
    "//app:hunsecret@localhost",
]


@pytest.mark.parametrize("url", READABLE)
def test_a_url_that_can_be_read_in_one_way_is_accepted(url: str) -> None:
    """Whatever its scheme, with or without a user, with one host, several or none."""
    ensure_encoded(url)


@pytest.mark.parametrize("url", AMBIGUOUS)
def test_a_url_whose_password_may_be_elsewhere_is_refused(url: str) -> None:
    """The error has the advice to encode it, and nothing of the URL."""
    with pytest.raises(ConfigurationError) as failure:
        ensure_encoded(url)

    texts = [str(failure.value), *failure.value.__notes__]
    assert "Percent-encode" in texts[1]
    assert failure.value.__context__ is None
    for secret in ("hun", "secret", "cret", "zet", "12", "app", "localhost"):
        assert not any(secret in text for text in texts)

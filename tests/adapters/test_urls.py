from __future__ import annotations

import subprocess
import sys

import pytest

from messagebus.adapters.factory import (
    async_source_from_url,
    async_transport_from_url,
    sync_source_from_url,
    sync_transport_from_url,
)
from messagebus.exceptions import ConfigurationError

URLS = {
    **(
        {
            "kafka://one:9092,two:9092?topic=shop&create=yes&partitions=8": "KafkaTransport",
            "kafkas://app:s%40cret@one?topic=shop&mechanism=SCRAM-SHA-512": "KafkaTransport",
        }
        if sys.version_info < (3, 15)  # for which its client has no wheel
        else {}
    ),
    "amqp://app:s%40cret@localhost/vhost?exchange=events&partitions=8": "RabbitmqTransport",
    "amqps://localhost?exchange=events": "RabbitmqTransport",
    "memory:": "MemoryTransport",
    "nats://localhost?stream=EVENTS&subject=events.{name}": "NatsTransport",
    "redis://localhost/0?stream=events": "RedisTransport",
    "rediss://localhost/0?stream=events": "RedisTransport",
    "stdout:": "StdoutTransport",
    "tls://localhost?stream=EVENTS&subject=events": "NatsTransport",
    "unix:///run/redis.sock?stream=events": "RedisTransport",
    "REDIS://localhost/0?stream=events": "RedisTransport",
    "NATS://localhost/?stream=EVENTS&subject=events": "NatsTransport",
    "redis://app:secret@localhost?stream=events&client_name=relay&protocol=3": "RedisTransport",
    "rediss://localhost?stream=events&ssl_ca_certs=ca.pem": "RedisTransport",
    "unix://app:secret@/run/redis.sock?stream=events": "RedisTransport",
    "nats://app:secret@one,app:secret@two:4222?stream=EVENTS&subject=events": "NatsTransport",
}


@pytest.mark.parametrize(("url", "name"), URLS.items())
def test_a_scheme_leads_to_a_transport_of_either_colour(url: str, name: str) -> None:
    """One URL serves both; nothing is connected before something is sent."""
    assert f"Async{name}" == type(async_transport_from_url(url)).__name__
    assert f"Sync{name}" == type(sync_transport_from_url(url)).__name__


@pytest.mark.parametrize("url", ["ftp://localhost", "stdout", ""])
def test_an_unknown_scheme_is_refused(url: str) -> None:
    """The error lists the known schemes as they are written in a URL."""
    known = (
        "use one of amqp://, amqps://, kafka://, kafkas://, memory:, nats://, redis://, rediss://, "
        "stdout:, tls://, unix://$"
    )
    with pytest.raises(ConfigurationError, match=known):
        async_transport_from_url(url)
    with pytest.raises(ConfigurationError, match=known):
        sync_transport_from_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "memory:?colour=red",
        "stdout:?colour=red",
        "amqp://localhost?exchange=e&colour=red",
        "nats://localhost?stream=E&subject=e&colour=red",
        "redis://localhost?stream=e&colour=red",
        "redis://localhost?stream=e&ssl_colour=red",
        "unix:///run/redis.sock?stream=e&colour=red&socket_keepalive=yes",
    ],
)
def test_an_option_that_nobody_knows_is_refused(url: str) -> None:
    """It is named by what stands before its value, and nothing has been connected."""
    for create in (async_transport_from_url, sync_transport_from_url):
        with pytest.raises(ConfigurationError, match=r"an option '(ssl_)?colour'") as failure:
            create(url)
        assert "red" not in str(failure.value).replace("redis", "")


def test_a_name_with_an_at_sign_is_not_printed() -> None:
    """It is a part of a password."""
    with pytest.raises(ConfigurationError, match="such an option") as failure:
        sync_transport_from_url("redis://localhost?sec%40ret=a")

    assert "ret" not in str(failure.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://localhost?stream=e&stream=f", "'stream' is in the URL twice"),
        ("redis://localhost?stream=", "not an empty string"),
        ("redis://localhost?stream", "not an empty string"),
        ("redis://localhost?stream=e&max_length=0", "max_length must be at least 1"),
        ("redis://localhost?stream=e&max_length=1e3", "'max_length' in the URL is wrong"),
        ("redis://localhost?stream=e&max_age=-1", "max_age must be a number from 0.001"),
        ("redis://localhost?stream=e&max_age=1e-4", "max_age must be a number from 0.001"),
        (
            "redis://localhost?stream=e&deduplicate_for=-1",
            "deduplicate_for must be a number",
        ),
        (
            "redis://localhost?stream=e&deduplicate_for=nan",
            "deduplicate_for must be a number",
        ),
        (
            "redis://localhost?stream=e&deduplicate_for=1e300",
            "deduplicate_for must be a number",
        ),
        ("redis://localhost?stream=e&patience=inf", "patience must be a number from 0 "),
        ("redis://localhost?stream=e&timeout=0", "timeout must be a number from 0.001"),
        ("redis://localhost?stream=e&db=first", "'db' in the URL is wrong"),
        ("redis://localhost/first?stream=e", "number of a database"),
        ("redis://localhost/0/1?stream=e", "number of a database"),
        ("redis:///0?stream=e", "names no host"),
        ("redis://?stream=e", "names no host"),
        ("redis:localhost?stream=e", "begins with redis://"),
        ("unix:/run/redis.sock?stream=e", "begins with redis://"),
        ("redis://localhost?stream=e&max_connections=0", "'max_connections' in the URL is wrong"),
        ("redis://localhost?stream=e&db=-1", "'db' in the URL is wrong"),
        ("redis://localhost?stream=e&protocol=4", "'protocol' in the URL is wrong"),
        ("rediss://localhost?stream=e&ssl_cert_reqs=maybe", "'ssl_cert_reqs' in the URL is wrong"),
        ("unix://?stream=e", "names no socket"),
        ("nats://localhost/E?stream=E&subject=e", "nothing between its servers and its options"),
        ("nats://localhost?stream=E&subject=e&timeout=-1", "timeout must be a number from 0.001"),
        ("nats://localhost?stream=E&subject=e&patience=nan", "patience must be a number from 0 "),
        ("nats://localhost?stream=E&subject=e&deduplicate_for=1e99", "deduplicate_for must be"),
        ("amqp://localhost", "needs an exchange"),
        ("amqp:///?exchange=e", "A URL of RabbitMQ is"),
        ("amqp://localhost?exchange=e&timeout=0", "timeout must be a number from 0.001"),
        ("memory:?deduplicate=2", "'deduplicate' in the URL is wrong"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(url: str, problem: str) -> None:
    """No connection has been opened when it is."""
    for create in (async_transport_from_url, sync_transport_from_url):
        with pytest.raises(ConfigurationError, match=problem):
            create(url)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "nats", "tls", "NATS", "amqp"])
@pytest.mark.parametrize("password", ["hun#zet", "hun/zet", "hun?zet", "hun@zet", "1?a=hunzet"])
def test_a_password_that_is_not_encoded_is_refused(scheme: str, password: str) -> None:
    """Nothing of it is in the error, whichever part of the URL it has got into."""
    for create in (async_transport_from_url, sync_transport_from_url):
        with pytest.raises(ConfigurationError) as failure:
            create(f"{scheme}://app:{password}@localhost?stream=S&subject=s")
        assert "Percent-encode" in failure.value.__notes__[0]
        assert "hun" not in str(failure.value)
        assert "zet" not in str(failure.value)


PROGRAM = """
import sys
from messagebus.adapters.factory import sync_transport_from_url
assert not {"redis", "nats", "confluent_kafka"} & sys.modules.keys()
sync_transport_from_url("stdout:")
sync_transport_from_url("memory:")
assert not {"redis", "nats", "confluent_kafka"} & sys.modules.keys()
sys.modules[sys.argv[1]] = None  # not installed
try:
    sync_transport_from_url(sys.argv[2])
except ImportError as error:
    print(error.extra, error)
"""


@pytest.mark.parametrize(
    ("extra", "url"),
    [("redis", "redis://localhost?stream=a"), ("nats", "nats://localhost?stream=a&subject=a")],
)
def test_a_missing_library_is_reported_with_its_extra(extra: str, url: str) -> None:
    """No library is imported before it is needed; then the error says how to install it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, extra, url], capture_output=True, text=True, check=True
    )

    assert f"{extra} messagebus.adapters.{extra} needs the extra {extra!r}: " in done.stdout


def test_a_password_is_in_no_error() -> None:
    """Errors describe the mistake without the URL."""
    with pytest.raises(ConfigurationError) as failure:
        sync_transport_from_url("redis://user:secret@localhost?stream=a&create=maybe")

    assert "secret" not in str(failure.value)


SOURCE_URLS = {
    "amqp://app:s%40cret@localhost/vhost?exchange=events&partitions=8": "RabbitmqSource",
    "amqps://localhost?exchange=events&ordered=no&prefetch=500": "RabbitmqSource",
    **(
        {"kafka://app:secret@one:9092,two?topic=events&session=6": "KafkaSource"}
        if sys.version_info < (3, 15)  # for which its client has no wheel
        else {}
    ),
    "memory:?partitions=4": "MemorySource",
    "nats://one,two:4222?stream=EVENTS&subject=events.{name}&partitions=8": "NatsSource",
    "redis://app:secret@localhost/0?stream=events&partitions=8&client_name=reader": "RedisSource",
    "rediss://localhost?stream=events&ssl_ca_certs=ca.pem": "RedisSource",
    "tls://localhost?stream=EVENTS&subject=events&ordered=no&hold=5": "NatsSource",
    "unix:///run/redis.sock?stream=events&ordered=no&hold=5": "RedisSource",
    "REDIS://localhost?stream=events&create=yes&timeout=3": "RedisSource",
}


@pytest.mark.parametrize(("url", "name"), SOURCE_URLS.items())
def test_a_scheme_leads_to_a_source_of_either_colour(url: str, name: str) -> None:
    """One URL serves both; nothing is connected before something is received."""
    assert f"Async{name}" == type(async_source_from_url(url, "reader")).__name__
    assert f"Sync{name}" == type(sync_source_from_url(url, "reader")).__name__


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("stdout:", "No source has the scheme 'stdout'; use one of .*memory:, nats://, redis://"),
        ("ftp://localhost", "No source has the scheme 'ftp'"),
        ("memory:?colour=red", "The URL cannot have an option 'colour'"),
        ("redis://localhost?stream=e&max_length=4", "The URL cannot have an option 'max_length'"),
        ("redis://localhost?stream=e&ordered=maybe", "The option 'ordered' in the URL is wrong"),
        ("redis://localhost?stream=e&stream=f", "The option 'stream' is in the URL twice"),
        ("redis://localhost?stream=e&partitions=0", "partitions must be a whole number from 1"),
        ("redis://localhost?stream=e&ordered=no&hold=0", "hold must be a number from 0.001"),
        ("redis://localhost?stream=e&hold=5", "hold has no effect on a source that keeps order"),
        ("redis://localhost?stream=e&timeout=0", "timeout must be a number from 0.001"),
        ("redis://localhost", "A source of Redis needs a stream"),
        ("amqp://localhost", "A URL of RabbitMQ needs an exchange"),
        ("amqp://localhost?exchange=e&patience=1", "cannot have an option 'patience'"),
        ("nats://localhost?stream=E", "A URL of NATS needs a subject"),
        ("nats://localhost?stream=E&subject=e&patience=1", "cannot have an option 'patience'"),
        ("nats://localhost?stream=E&subject=e&hold=5", "hold has no effect on a source"),
        ("nats://localhost?stream=E&subject=e&partitions=9999", "partitions must be a whole"),
        ("nats://localhost?stream=E F&subject=e", "'E F' is not a valid name of a stream"),
        ("nats://app:hun#zet@localhost?stream=E&subject=e", "password"),
        ("redis://app:hun#zet@localhost?stream=E", "password"),
    ],
)
def test_a_source_refuses_an_option_that_makes_no_sense(url: str, problem: str) -> None:
    """It is not called a transport, and nothing of a password is shown."""
    for create in (async_source_from_url, sync_source_from_url):
        with pytest.raises(ConfigurationError, match=problem) as failure:
            create(url, "reader")
        assert "transport" not in str(failure.value)
        assert "zet" not in str(failure.value)

"""TLS to the brokers: nothing is sent in clear, and a refused certificate is named."""

from __future__ import annotations

import re
import ssl

import pytest

from messagebus.adapters.nats import AsyncNatsTransport
from messagebus.adapters.redis import AsyncRedisTransport
from messagebus.exceptions import TransportRefusedError, TransportUnavailableError
from tests.adapters.stored import entries
from tests.chaos.proxy import Proxy
from tests.servers import NatsServer
from tests.servers.certificates import Certificate, new_certificate

pytestmark = pytest.mark.server

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED.*self-signed certificate"
USERS = 'authorization { users = [{ user: app, password: "secret" }] }'
OPTIONS = "stream=S&subject=s&create=yes&patience=60&timeout=30"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate that only its owner trusts."""
    return new_certificate(tmp_path_factory.mktemp("certificate"))


def connects(server: NatsServer) -> int:
    """Return how many clients have tried to log in, by the log of the server."""
    log = (server.folder / "log").read_text("utf-8")
    return len(re.findall(r"<<- \[CONNECT", log))


async def refusal(transport: AsyncNatsTransport) -> TransportRefusedError:
    """Return why a server refuses a transport; a slow machine may be out of time before."""
    for _ in range(20):
        with pytest.raises(TransportUnavailableError) as failure:
            await transport.connect()
        if isinstance(failure.value, TransportRefusedError):
            break
    assert isinstance(failure.value, TransportRefusedError)
    return failure.value


async def test_no_login_is_sent_to_a_nats_server_without_tls() -> None:
    """Whoever asks for TLS does not want the password to be readable."""
    with NatsServer(f"trace: true\n{USERS}") as server:
        place = f"app:secret@127.0.0.1:{server.port}?{OPTIONS}"
        for options in ({}, {"options": {"tls": ssl.create_default_context()}}):
            scheme = "nats" if options else "tls"
            async with AsyncNatsTransport.from_url(f"{scheme}://{place}", **options) as transport:
                with pytest.raises(TransportRefusedError) as failure:
                    await transport.connect()
                assert "secure connection not available. Set up TLS" in str(failure.value)
                with pytest.raises(TransportRefusedError):
                    await transport.send_message_serialized({"id": "1"})
        assert 0 == connects(server)
        async with AsyncNatsTransport.from_url(f"nats://{place}") as transport:
            await transport.connect()
        assert 1 == connects(server)


@pytest.mark.slow
async def test_an_untrusted_certificate_of_nats_is_refused(
    certificate: Certificate,
) -> None:
    """Waiting would not help; with the certificate of its issuer, the server is trusted."""
    tls = f"tls {{ cert_file: '{certificate.file}', key_file: '{certificate.key}' }}"
    with NatsServer(f"trace: true\n{USERS}\n{tls}") as server:
        url = f"tls://app:secret@127.0.0.1:{server.port}?{OPTIONS}"
        # The client takes all of its time to close a connection whose handshake has failed.
        async with AsyncNatsTransport.from_url(url, timeout=1.0) as transport:
            assert re.search(UNTRUSTED, str(await refusal(transport)))
            with pytest.raises(TransportRefusedError, match=UNTRUSTED):
                await transport.send_message_serialized({"id": "1"})
        assert 0 == connects(server)
        trusting = ssl.create_default_context(cafile=certificate.file)
        async with AsyncNatsTransport.from_url(url, options={"tls": trusting}) as transport:
            await transport.send_message_serialized({"id": "1"})
        assert 1 == connects(server)


async def test_an_untrusted_certificate_of_redis_is_refused(
    redis_url: str, unique_name: str, certificate: Certificate
) -> None:
    """The wheel of the server has no TLS, so a proxy in front of it has."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    with Proxy(port, tls) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0?stream={unique_name}&create=yes&patience=60"
        async with AsyncRedisTransport.from_url(url) as transport:
            with pytest.raises(TransportRefusedError, match=UNTRUSTED):
                await transport.connect()
            with pytest.raises(TransportRefusedError, match=UNTRUSTED):
                await transport.send_message_serialized({"id": "1"})
        url += f"&ssl_ca_certs={certificate.file}"
        async with AsyncRedisTransport.from_url(url) as transport:
            await transport.send_message_serialized({"id": "1"})
        assert 1 == len(entries(redis_url, unique_name))

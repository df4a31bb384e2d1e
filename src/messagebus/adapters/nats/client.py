"""The client of NATS, which here sends a login over TLS where TLS was asked for."""

from __future__ import annotations

from nats.aio.client import Client
from nats.errors import SecureConnWantedError


class SecureClient(Client):
    """A client that sends nothing to a server without TLS if it was told to use TLS.

    The client of the library leaves TLS to the server: over ``tls://``, it sends user and password
    in clear to a server that does not ask for TLS, or to whoever answers in its place.
    """

    def _connect_command(self) -> bytes:
        """Return the first line that the client sends, which holds the login.

        Raises:
            nats.errors.SecureConnWantedError: the connection has no TLS, but must have it.
        """
        server = self._current_server
        is_wanted = "tls" in self.options or (server is not None and server.uri.scheme == "tls")
        has_begun = self._server_info.get("tls_required") or self.options["tls_handshake_first"]
        if is_wanted and not has_begun:
            raise SecureConnWantedError
        return super()._connect_command()

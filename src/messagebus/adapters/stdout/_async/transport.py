"""The transport to a text stream, such as the standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Self, TextIO

from ...._compat.waits.aio import in_thread
from ....exceptions import TransportUnavailableError
from ..._transport._async.transport import AsyncBrokerTransport
from ..._transport.encoding import Parcel, caused, json_of
from ..._transport.options import split_options


class AsyncStdoutTransport(AsyncBrokerTransport[str]):
    """Print each message as a line of JSON, and flush the stream.

    Args:
        stream: the stream to print to; by default the current `sys.stdout` of each call.
    """

    system: str = "stdout"

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(patience=0.0)  # a closed pipe stays closed
        self._stream = stream

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Create a transport from ``stdout:``.

        Raises:
            ConfigurationError: the URL has an option; there are none.
        """
        split_options(url, {})
        return cls()

    @property
    def _output(self) -> TextIO:
        return sys.stdout if self._stream is None else self._stream

    def _encode(self, message: Mapping[str, Any]) -> Parcel[str]:
        line = json_of(dict(message))
        size = len(line.encode())
        if (self._output.encoding or "utf-8").lower().replace("-", "") != "utf8":
            line = json_of(dict(message), ascii_only=True)
        return Parcel(message, f"{line}\n", size)

    async def _send(self, parcels: Sequence[Parcel[str]]) -> tuple[int, Exception | None]:
        text = "".join(parcel.content for parcel in parcels)
        try:
            await in_thread(self._print, text)
        except (OSError, ValueError) as error:  # ValueError: this process closed the stream
            return 0, caused(TransportUnavailableError(f"The output is closed: {error}"), error)
        return len(parcels), None

    def _print(self, text: str) -> None:
        output = self._output
        output.write(text)
        output.flush()

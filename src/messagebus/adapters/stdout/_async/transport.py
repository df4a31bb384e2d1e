"""The transport to a stream of text, the standard output above all."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Self, TextIO

from ....exceptions import TransportUnavailableError
from ..._transport._async.transport import AsyncBrokerTransport
from ..._transport._compat.aio import in_thread
from ..._transport.encoding import Parcel, json_of


class AsyncStdoutTransport(AsyncBrokerTransport[str]):
    """Print messages, each as a line of JSON, and flush what was printed.

    Args:
        stream: where to print; the standard output, as it is at that time, if there is none.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(patience=0.0)  # a pipe that is closed stays closed
        self._stream = stream

    @classmethod
    def from_url(cls, url: str) -> Self:  # noqa: ARG003
        """Make a transport of ``stdout:``, which has no options."""
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
        except (OSError, ValueError) as error:  # ValueError: the stream was closed here
            failure = TransportUnavailableError(f"The output is closed: {error}")
            failure.__cause__ = error
            return 0, failure
        return len(parcels), None

    def _print(self, text: str) -> None:
        output = self._output
        output.write(text)
        output.flush()

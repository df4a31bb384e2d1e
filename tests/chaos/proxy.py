"""A network between client and server that can be cut or fall silent."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Coroutine
from typing import Any, Self


class Proxy:
    """Forwards connections to a port of this machine, until it is told to do something else.

    Args:
        target: the port of the server.
        tls: what encrypts the connections to the clients, if anything does.

    Attributes:
        port: the port for the clients.
    """

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self._target = target
        self._tls = tls
        self._open = True
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Close all connections, and every new one at once."""
        self._call(self._close())

    def stall(self) -> None:
        """Forward nothing more, and keep connections open, as a network that drops packets."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def mend(self) -> None:
        """Forward everything again, also what has waited."""
        self._open = True
        self._loop.call_soon_threadsafe(self._passing.set)

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        if self._server is not None:
            for each in self._server.sockets:
                self._loop.remove_reader(each.fileno())
            # asyncio would leave a connection open that it is accepting when its server is closed.
            await asyncio.sleep(0)
            self._server.close()
        await self._close()
        self._passing.set()
        # Not cancelled, since a connection that is being accepted would stay open.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks)
        await asyncio.sleep(0)  # until the last transports are closed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = {writer}
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
            pair.add(to_server)
            if self._open:
                self._writers |= pair
                await asyncio.gather(self._pass(reader, to_server), self._pass(from_server, writer))
                for each in pair:
                    await each.wait_closed()  # what is left to write may never be read
        except OSError:
            pass  # as if the network had lost the connection
        finally:
            self._writers -= pair
            for each in pair:
                each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

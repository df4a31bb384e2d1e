"""Messages that are pulled from durable consumers, by one connection."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

_API = "$JS.API.CONSUMER.MSG.NEXT"
_DELIVERED = "messagebus-delivered"
_FOREVER = 86_400.0  # seconds until the server itself delivers again
_NO_CONSUMER = "503"
_CONSUMER_GONE = "409"
_SLICE = 0.1  # seconds after which the connection is looked at


class Durable(NamedTuple):
    """A durable consumer that this process reads.

    Attributes:
        name: its name.
        partition: the partition that it reads.
        delivered: the position up to which messages may have been delivered to others.
    """

    name: str
    partition: int
    delivered: int


class Pulls:
    """Requests for messages, and what has come of them.

    Args:
        client: the client, which is connected.
        stream: the name of the stream.
    """

    def __init__(self, client: Client, stream: str) -> None:
        self.arrived: deque[tuple[Durable, Msg]] = deque()
        self._client = client
        self._stream = stream
        self._inbox = client.new_inbox()
        self._event = asyncio.Event()
        self._awaited: dict[str, int] = {}  # by the name of the durable
        self._durables: Mapping[str, Durable] = {}
        self._gone = False

    async def open(self) -> None:
        """Subscribe to what the server delivers."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._receive)

    async def pull(self, durables: Mapping[str, Durable], limit: int, wait: float) -> None:
        """Request messages, and wait until some have come, or none is there.

        Args:
            durables: the durable consumers, by their names.
            limit: the most messages to request of each of them.
            wait: the longest wait for the first message, in seconds.

        Raises:
            ConnectionClosedError: the connection is lost.
            NotFoundError: somebody has deleted a durable consumer.
        """
        self._durables = durables
        if self._gone:
            raise NotFoundError(description="a durable consumer is gone")
        await self._request(limit, 0.0)
        await self._until(lambda: not self._awaited, 5.0)
        if not self.arrived and wait > 0:
            await self._request(1, wait)
            await self._until(lambda: bool(self.arrived) or not self._awaited, wait)

    async def _request(self, batch: int, wait: float) -> None:
        how = {"expires": round(wait * 1e9)} if wait else {"no_wait": True}
        body = json.dumps({"batch": batch, **how}).encode()
        for name in self._durables:
            if name not in self._awaited:
                self._awaited[name] = batch
                subject = f"{_API}.{self._stream}.{name}"
                await self._client.publish(subject, body, f"{self._inbox}.{name}")

    async def _until(self, condition: Callable[[], bool], wait: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while not condition() and (left := end - loop.time()) > 0:
            if not self._client.is_connected:
                raise ConnectionClosedError
            self._event.clear()
            try:
                async with asyncio.timeout(min(left, _SLICE)):
                    await self._event.wait()
            except TimeoutError:
                continue

    async def _receive(self, message: Msg) -> None:
        if message.subject.startswith(f"{self._inbox}."):  # the end of a request
            self._awaited.pop(message.subject.rpartition(".")[2], None)
            status = (message.headers or {}).get("Status")
            if status in {_NO_CONSUMER, _CONSUMER_GONE}:
                self._gone = True
        else:
            name = message.metadata.consumer
            left = self._awaited.get(name, 1) - 1
            if left:
                self._awaited[name] = left
            else:
                self._awaited.pop(name, None)
            if name in self._durables:
                self.arrived.append((self._durables[name], message))
        self._event.set()


async def share_durable(
    client: Client, stream: str, name: str, subject: str, hold: float, limit: float
) -> Durable:
    """Return the durable consumer that all processes share; create it if there is none.

    The *limit* of the answer is in seconds, here and below.
    """
    config = ConsumerConfig(
        durable_name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=hold,
        max_deliver=-1,
        max_ack_pending=-1,
        filter_subject=subject,
    )
    await client.jetstream(timeout=limit).add_consumer(stream, config)
    return Durable(name, 0, 0)


async def renew_durable(
    client: Client, stream: str, prefix: str, subject: str, partition: int, limit: float
) -> Durable:
    """Create a durable consumer that begins with what is not settled, and delete those before it.

    Each has another number behind its name, so that a process whose partition was given to this
    one can neither read nor settle any more. Whatever fails on the way leaves one that knows the
    position: all are looked at, and the furthest one counts.
    """
    manager = client.jetstream(timeout=limit)
    found: dict[int, ConsumerInfo] = {}
    offset = 0
    while page := await manager.consumers_info(stream, offset):
        offset += len(page)
        for info in page:
            before, _, number = info.name.rpartition("_")
            if before == prefix and number.isdecimal():
                found[int(number)] = info
    floor = max((each.ack_floor.stream_seq for each in found.values() if each.ack_floor), default=0)
    delivered = max((_delivered(each) for each in found.values()), default=0)
    name = f"{prefix}_{max(found, default=0) + 1}"
    config = ConsumerConfig(
        durable_name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=_FOREVER,
        max_deliver=-1,
        max_ack_pending=-1,
        filter_subject=subject,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=floor + 1,
        metadata={_DELIVERED: str(delivered)},
    )
    await manager.add_consumer(stream, config)
    for each in found.values():
        await manager.delete_consumer(stream, each.name)
    return Durable(name, partition, delivered)


def _delivered(info: ConsumerInfo) -> int:
    noted = (info.config.metadata or {}).get(_DELIVERED, "0")
    return max(int(noted), info.delivered.stream_seq if info.delivered else 0)

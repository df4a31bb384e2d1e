"""The source that reads a Kafka topic as a member of a consumer group."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Any, Self, TypeVar

from confluent_kafka import KafkaError, KafkaException

from ...._compat.waits.aio import AsyncWakeUp, in_thread
from ...._ranges import SHORTEST, ensure_number
from ....exceptions import ConfigurationError, TransportUnavailableError
from ....inbox._async.source import AsyncAbstractSource
from ....inbox.capability import SourceCapability
from ....inbox.delivery import Delivery
from ..._transport.meaning import failure_of
from ..._transport.partitions import ensure_partitions
from .._compat.aio import outcome_of
from ..errors import explain
from ..member import Member
from ..options import SOURCE, read_url
from ..topic import Topic

T = TypeVar("T")

_LONG = 0.1
"""The wait, in seconds, from which on the broker is asked for a sign of life if nothing came."""


class AsyncKafkaSource(AsyncAbstractSource):
    """Deliver the records of a Kafka topic as a member of a consumer group.

    The group gives each partition to one of its members, and takes it back when others come or go.
    Offsets are committed up to the first record that is not settled: the next member begins there.
    A thread keeps the member in the group, so a message may be worked on for any time.

    Args:
        config: the configuration of the client, such as ``bootstrap.servers``.
        topic: the name of the topic.
        consumer: the name of the group.
        session: after how many seconds without a sign of life the partitions of a process go to
            others. The broker limits it.
        create: create the topic if it does not exist.
        partitions: the number of partitions of a topic created here, from 1 to 1024.
        timeout: the limit for each answer of the broker, in seconds.

    Raises:
        ConfigurationError: there is no topic or consumer, or an argument is out of its range.
    """

    capabilities: frozenset[SourceCapability] = frozenset(
        {SourceCapability.HISTORY, SourceCapability.ORDER, SourceCapability.OUTAGES}
    )

    def __init__(
        self,
        config: Mapping[str, Any],
        topic: str,
        consumer: str,
        *,
        session: float = 10.0,
        create: bool = False,
        partitions: int = 1,
        timeout: float = 5.0,
    ) -> None:
        ensure_number("session", session, least=SHORTEST)
        ensure_number("timeout", timeout, least=SHORTEST)
        ensure_partitions(partitions)
        if not topic or not consumer:
            problem = "A source of Kafka needs the names of a topic and of a consumer"
            raise ConfigurationError(problem)
        self._config = dict(config)
        self._topic = Topic(topic, create, partitions)
        self._consumer = consumer
        self._session = session
        self._timeout = timeout
        self._member: Member | None = None

    @classmethod
    def from_url(cls, url: str, consumer: str, **options: Any) -> Self:
        """Create a source from a URL.

        Args:
            url: such as ``kafka://host:9092,host2:9092?topic=shop``, as for the transport. The
                query takes every argument but *config*.
            consumer: the name of the group.
            options: arguments of the source; they override the URL.

        Raises:
            ConfigurationError: there is no topic, an option is unknown or has a wrong value, or
                the password of the URL is not percent-encoded.
        """
        config, found = read_url(url, SOURCE)
        settings = {**found, **options}
        if "topic" not in settings:
            problem = "A source of Kafka needs a topic: add ?topic=shop to the URL"
            raise ConfigurationError(problem)
        return cls(config, consumer=consumer, **settings)

    async def connect(self) -> None:
        """Connect, check the user and the topic, and wait until the group says what to read.

        Raises:
            TransportRefusedError: the broker refuses the user, the topic or the group.
            StreamMissingError: there is no topic, and the source does not create it.
            TransportUnavailableError: no broker can be reached, or the group does not answer.
        """
        member = self._member
        if member is None or not member.usable:
            member = await self._new_member()
        await self._outcome_of(member, member.open())
        # Longer than it takes until a process that has died is forgotten.
        end = monotonic() + 3 * self._session + self._timeout
        bell = AsyncWakeUp()
        member.on_change = bell.wake
        while not member.has_joined:
            self._raise_problem(member)
            left = end - monotonic()
            if left <= 0 or not member.usable:
                problem = f"The group {self._consumer!r} of Kafka has not yet said what to read"
                raise TransportUnavailableError(problem)
            await bell.wait(left)

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        """Return messages: of each partition first those that are not settled.

        Args:
            limit: the most messages to return.
            wait: the longest wait for the first message, in seconds.

        Raises:
            TransportUnavailableError: the broker cannot be reached, or refuses.
        """
        end = monotonic() + wait
        bell = AsyncWakeUp()
        while True:
            member = self._member
            if member is None or not member.usable or not member.has_joined or member.is_down:
                await self.connect()
                continue
            member.on_change = bell.wake
            self._raise_problem(member)
            if batch := member.take(limit):
                return batch
            left = end - monotonic()
            if left <= 0:
                break
            await bell.wait(left)
        if wait >= _LONG:  # the client does not always tell that it has lost the broker
            await self._outcome_of(member, member.open())
        return []

    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Commit how far all is settled; messages not held any more are passed over.

        Raises:
            TransportUnavailableError: the broker cannot be reached, or refuses.
        """
        member = self._member
        if member is None or not member.usable:
            return
        held = member.records.held(deliveries)
        if held:
            error = await outcome_of(member.settle(held))
            if error is not None and member.usable:
                raise self._failure(member, error)
            member.records.drop(held)

    async def release(self, deliveries: Sequence[Delivery], delay: float = 0.0) -> None:  # noqa: ARG002
        """Give messages back at once; those not held any more are passed over."""
        if self._member is not None:
            self._member.records.release(deliveries)

    def held(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return those that are neither settled nor given back, and whose partition is here."""
        if self._member is None or not self._member.usable:
            return []
        return self._member.records.held(deliveries)

    async def assign(self, partitions: Collection[int]) -> None:
        """Do nothing: the group decides what to read."""

    async def close(self) -> None:
        """Leave the group; what is not settled is delivered again."""
        member, self._member = self._member, None
        if member is not None:
            await in_thread(member.close)

    async def _new_member(self) -> Member:
        await self.close()
        try:
            self._member = await in_thread(
                Member, self._config, self._topic, self._consumer, self._timeout, self._session
            )
        except KafkaException as error:
            raise failure_of(*explain(error.args[0]), None) from error
        return self._member

    async def _outcome_of(self, member: Member, future: Future[T]) -> T:
        try:
            return await outcome_of(future)
        except KafkaException as error:
            raise self._failure(member, error.args[0]) from error

    def _raise_problem(self, member: Member) -> None:
        problem = member.problem()
        if problem is not None:
            raise self._failure(member, problem)

    def _failure(self, member: Member, error: KafkaError) -> Exception:
        return failure_of(*explain(member.reason_of(error)), None)

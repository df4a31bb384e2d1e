"""A producer, and the thread that learns what became of its records."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ...exceptions import StreamMissingError
from .._transport.meaning import Meaning
from .encoding import Record
from .errors import MISSING, explain

_POLL = 0.1  # seconds
_UNREACHED = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
    }
)
_ADVICE = "Create the topic {topic!r} with the tools of Kafka, or here with create=True."


class Connection:
    """A producer for one topic, from its first use until *close*.

    Args:
        config: the configuration of the client.
        topic: the name of the topic.
        timeout: the limit for each answer, in seconds.
    """

    def __init__(self, config: Mapping[str, Any], topic: str, timeout: float) -> None:
        self._topic = topic
        self._timeout = timeout
        self._refusal: KafkaError | None = None
        self._pid = os.getpid()
        self._ended = threading.Event()
        self._order = threading.Lock()
        settings: dict[str, Any] = {
            "linger.ms": 0,
            "topic.metadata.propagation.max.ms": 0,  # the topic has been looked up
            "partitioner": "murmur2_random",  # that of Kafka's own client
            "log_level": 0,  # what matters is raised
            **config,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": max(round(timeout * 1000), 1),
            "allow.auto.create.topics": False,
            "error_cb": self._note,
        }
        self._config = {"log_level": 0, **config}
        self._producer = Producer(settings)
        _all.add(self)
        threading.Thread(None, self._poll, "messagebus-kafka", daemon=True).start()

    def open(self, *, create: bool, partitions: int) -> None:
        """Look the topic up, and create it if *create*.

        Raises:
            KafkaException: the broker cannot be reached, or refuses.
            StreamMissingError: there is no topic, and it is not created.
        """
        try:
            found = self._producer.list_topics(self._topic, timeout=self._timeout)
            error = found.topics[self._topic].error
            if create and error is not None and error.code() in MISSING:
                self._create(partitions)
                error = None
        except KafkaException as failure:
            error = failure.args[0]
        if error is None:
            return
        if error.code() in MISSING:
            raise StreamMissingError(self._topic, _ADVICE.format(topic=self._topic))
        raise KafkaException(self.reason_of(error))

    def send(self, records: Sequence[Record]) -> Future[list[KafkaError | None]]:
        """Send records; the future has the error of each, None for those that are confirmed."""
        future: Future[list[KafkaError | None]] = Future()
        future.set_running_or_notify_cancel()  # from here on, it cannot be cancelled
        outcomes: list[KafkaError | None] = []
        waiting = len(records)

        lock = threading.Lock()

        def settle(number: int, error: KafkaError | None, _: Message | None = None) -> None:
            nonlocal waiting
            with lock:
                outcomes[number] = error
                waiting -= 1
                done = not waiting
            if done:
                future.set_result(outcomes)

        outcomes.extend(None for _ in records)
        with self._order:
            if self._ended.is_set():
                for number in range(len(records)):
                    settle(number, KafkaError(KafkaError._PURGE_QUEUE))
                return future
            for number, (key, value, headers) in enumerate(records):
                place: dict[str, Any] = {"partition": 0} if key is None else {"key": key}
                try:
                    self._producer.produce(
                        self._topic,
                        value,
                        headers=list(headers),
                        on_delivery=partial(settle, number),
                        **place,
                    )
                except (KafkaException, BufferError) as failure:
                    error = _error_of(failure)
                    # Nothing after it may overtake it.
                    for rest in range(number, len(records)):
                        settle(rest, error)
                    break
        return future

    def reason_of(self, error: KafkaError) -> KafkaError:
        """Return why the broker cannot be reached if it has said so, and the error if not."""
        return self._refusal or error if error.code() in _UNREACHED else error

    @property
    def usable(self) -> bool:
        """Whether it is open and of this process: a fork has none of its threads."""
        return not self._ended.is_set() and self._pid == os.getpid()

    def close(self) -> None:
        """Drop what is not confirmed, and end the thread."""
        if self.usable:
            with self._order:
                self._ended.set()
                self._producer.purge()

    def _create(self, partitions: int) -> None:
        admin = AdminClient(self._config)
        topic = NewTopic(self._topic, num_partitions=partitions, replication_factor=-1)
        try:
            admin.create_topics([topic], request_timeout=self._timeout)[self._topic].result()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        self._producer.list_topics(self._topic, timeout=self._timeout)

    def _note(self, error: KafkaError) -> None:
        if explain(error)[0] is Meaning.REFUSED:
            self._refusal = error

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(_POLL)
        while self._producer.flush(_POLL):  # the callbacks of what was purged
            pass

    def _leave(self) -> None:
        """Keep the producer for ever: without its threads, it would wait for them when freed."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._producer))


_all: weakref.WeakSet[Connection] = weakref.WeakSet()


def _leave_all() -> None:
    for each in list(_all):
        each._leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


def _error_of(failure: KafkaException | BufferError) -> KafkaError:
    if isinstance(failure, BufferError):
        return KafkaError(KafkaError._QUEUE_FULL)
    error: KafkaError = failure.args[0]
    return error

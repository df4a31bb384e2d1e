"""A producer, and the thread that learns what became of its records."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from .._transport.meaning import Meaning
from .encoding import Record
from .errors import UNREACHED, explain
from .forks import Owner
from .topic import Topic

_POLL = 0.1  # seconds


class Connection(Owner):
    """A producer for one topic, from its first use until *close*.

    Args:
        config: the configuration of the client.
        topic: the name of the topic.
        timeout: the limit for each answer, in seconds.
    """

    def __init__(self, config: Mapping[str, Any], topic: str, timeout: float) -> None:
        super().__init__()
        self._topic = topic
        self._timeout = timeout
        self._refusal: KafkaError | None = None
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
        self._config = config
        self._client = Producer(settings)
        threading.Thread(None, self._poll, "messagebus-kafka", daemon=True).start()

    def open(self, topic: Topic) -> None:
        """Look the topic up, and create it if that is asked for.

        Raises:
            KafkaException: the broker cannot be reached, or refuses.
            StreamMissingError: there is no topic, and it is not created.
        """
        try:
            topic.look_up(self._client, self._config, self._timeout)
        except KafkaException as failure:
            raise KafkaException(self.reason_of(failure.args[0])) from failure

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
                    self._client.produce(
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
        return self._refusal or error if error.code() in UNREACHED else error

    @property
    def usable(self) -> bool:
        """Whether it is open and of this process: a fork has none of its threads."""
        return not self._ended.is_set() and self.is_of_this_process

    def close(self) -> None:
        """Drop what is not confirmed, and end the thread."""
        if self.usable:
            with self._order:
                self._ended.set()
                self._client.purge()

    def _note(self, error: KafkaError) -> None:
        if explain(error)[0] is Meaning.REFUSED:
            self._refusal = error

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._client.poll(_POLL)
        while self._client.flush(_POLL):  # the callbacks of what was purged
            pass


def _error_of(failure: KafkaException | BufferError) -> KafkaError:
    if isinstance(failure, BufferError):
        return KafkaError(KafkaError._QUEUE_FULL)
    error: KafkaError = failure.args[0]
    return error

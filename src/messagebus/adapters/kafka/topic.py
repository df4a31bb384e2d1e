"""The topic: looked up, and created where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ...exceptions import StreamMissingError
from .errors import MISSING

_ADVICE = "Create the topic {topic!r} with the tools of Kafka, or here with create=True."


class Topic(NamedTuple):
    """A topic, and what to do if it is missing.

    Attributes:
        name: its name.
        create: whether it is created.
        partitions: the number of partitions that it is created with.
    """

    name: str
    create: bool
    partitions: int

    def look_up(
        self, client: Producer | Consumer, config: Mapping[str, Any], timeout: float
    ) -> None:
        """Ensure that the topic exists.

        Args:
            client: the client to look with.
            config: the configuration of the client that creates the topic.
            timeout: the limit for each answer, in seconds.

        Raises:
            KafkaException: the broker cannot be reached, or refuses.
            StreamMissingError: there is no topic, and it is not created.
        """
        try:
            error = client.list_topics(self.name, timeout=timeout).topics[self.name].error
            if self.create and error is not None and error.code() in MISSING:
                self._create(config, timeout)
                client.list_topics(self.name, timeout=timeout)
                return
        except KafkaException as failure:
            error = failure.args[0]
        if error is None:
            return
        if error.code() in MISSING:
            raise StreamMissingError(self.name, _ADVICE.format(topic=self.name))
        raise KafkaException(error)

    def ask_group(self, client: Consumer, timeout: float) -> None:
        """Find out whether the user may use the group of a client.

        Raises:
            KafkaException: the broker cannot be reached, or refuses.
        """
        (answer,) = client.committed([TopicPartition(self.name, 0)], timeout=timeout)
        if answer.error is not None:
            raise KafkaException(answer.error)

    def _create(self, config: Mapping[str, Any], timeout: float) -> None:
        admin = AdminClient({"log_level": 0, **config})
        topic = NewTopic(self.name, num_partitions=self.partitions, replication_factor=-1)
        try:
            admin.create_topics([topic], request_timeout=timeout)[self.name].result()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

"""Reads topics of Kafka without the adapter, in tests of either colour."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition


def records(url: str, topic: str, partition: int = 0) -> list[tuple[Any, Any, Any]]:
    """Return key, value and headers of the records of a partition; none if there is none."""
    consumer = Consumer(
        {
            "bootstrap.servers": url.removeprefix("kafka://"),
            "group.id": "tests",
            "session.timeout.ms": 6000,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        if partition not in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            return []
        consumer.assign([TopicPartition(topic, partition, 0)])
        read: list[Any] = []
        # Not up to the watermark: Tansu gives the first record of the last batch.
        while not any(each.error() for each in read):
            read += consumer.consume(1_000, 0.02)
        *found, end = read
        if end.error().code() != KafkaError._PARTITION_EOF:
            raise KafkaException(end.error())
        return [(each.key(), each.value(), each.headers() or []) for each in found]
    finally:
        consumer.close()


def produce(url: str, topic: str, value: bytes) -> None:
    """Produce a record to the first partition."""
    producer = Producer({"bootstrap.servers": url.removeprefix("kafka://"), "log_level": 0})
    producer.produce(topic, value, partition=0)
    assert 0 == producer.flush(10)


def committed(url: str, topic: str, group: str) -> int | None:
    """Return the offset that a group has committed for the first partition; None if it has none."""
    servers = url.removeprefix("kafka://")
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group, "log_level": 0})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=10)
        return None if found.offset < 0 else found.offset
    finally:
        consumer.close()

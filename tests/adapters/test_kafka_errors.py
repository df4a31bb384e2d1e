from __future__ import annotations

import pytest

pytest.importorskip("confluent_kafka", reason="Kafka: its client has no wheel for this Python")

from confluent_kafka import KafkaError

from messagebus.adapters._transport.meaning import Meaning
from messagebus.adapters.kafka.errors import TABLE, explain

RECONNECT, TRY_AGAIN, REFUSED, BAD = (
    Meaning.RECONNECT,
    Meaning.TRY_AGAIN,
    Meaning.REFUSED,
    Meaning.BAD_MESSAGE,
)
ERRORS = {
    KafkaError._AUTHENTICATION: REFUSED,
    KafkaError.SASL_AUTHENTICATION_FAILED: REFUSED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: REFUSED,
    KafkaError.ILLEGAL_SASL_STATE: REFUSED,
    KafkaError._INVALID_ARG: REFUSED,
    KafkaError._SSL: REFUSED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: REFUSED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: REFUSED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: REFUSED,
    KafkaError.GROUP_AUTHORIZATION_FAILED: REFUSED,
    KafkaError.INVALID_GROUP_ID: REFUSED,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: REFUSED,
    KafkaError.INVALID_SESSION_TIMEOUT: REFUSED,
    KafkaError.POLICY_VIOLATION: REFUSED,
    KafkaError.INVALID_PARTITIONS: REFUSED,
    KafkaError.INVALID_REPLICATION_FACTOR: REFUSED,
    KafkaError.TOPIC_EXCEPTION: REFUSED,
    KafkaError.MSG_SIZE_TOO_LARGE: BAD,
    KafkaError.RECORD_LIST_TOO_LARGE: BAD,
    KafkaError.INVALID_RECORD: BAD,
    KafkaError.INVALID_MSG: TRY_AGAIN,
    KafkaError.NOT_ENOUGH_REPLICAS: TRY_AGAIN,
    KafkaError._QUEUE_FULL: TRY_AGAIN,
}
OTHERS = {
    KafkaError._MSG_TIMED_OUT: RECONNECT,
    KafkaError._TRANSPORT: RECONNECT,
    KafkaError._PURGE_QUEUE: RECONNECT,
    KafkaError.NOT_LEADER_FOR_PARTITION: RECONNECT,
}


@pytest.mark.parametrize(("code", "meaning"), [*ERRORS.items(), *OTHERS.items()])
def test_an_error_of_kafka_has_one_meaning(code: int, meaning: Meaning) -> None:
    """Its code decides; the text of Kafka is kept, and an unknown one may pass."""
    found, text = explain(KafkaError(code, "any text"))

    assert meaning is found
    assert text.startswith("Kafka: any text (")


def test_each_code_of_the_table_is_here() -> None:
    """No row is left that nothing shows."""
    assert TABLE.keys() == ERRORS.keys()

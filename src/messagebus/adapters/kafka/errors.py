"""The errors of Kafka by meaning. To extend the table, add a row, and a row to its test."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError

from .._transport.meaning import UNKNOWN, Meaning, Row

_LOGIN = "Correct the user, the password or the mechanism."
_TLS = "Use the scheme kafkas:// where the broker needs it, and a certificate that it can prove."
_RIGHTS = "Let the user describe the topic, write it or read it, and with create=True create it."
_GROUP = "Let the user read the topic and the group."
_SHARED = "Give the group a name that nobody else uses, or use the same configuration."
_SESSION = "Choose another session; the broker limits it."
_SETUP = "Create the topic yourself, or change its number of partitions."

TABLE: Mapping[int, Row] = {
    KafkaError._AUTHENTICATION: Row("authentication failure", Meaning.REFUSED, _LOGIN),
    KafkaError.SASL_AUTHENTICATION_FAILED: Row("SASL", Meaning.REFUSED, _LOGIN),
    KafkaError.UNSUPPORTED_SASL_MECHANISM: Row("SASL mechanism", Meaning.REFUSED, _LOGIN),
    KafkaError.ILLEGAL_SASL_STATE: Row("SASL state", Meaning.REFUSED, _LOGIN),
    KafkaError._INVALID_ARG: Row("configuration", Meaning.REFUSED, "Correct the configuration."),
    KafkaError._SSL: Row("SSL error", Meaning.REFUSED, _TLS),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Row("topic", Meaning.REFUSED, _RIGHTS),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Row("cluster", Meaning.REFUSED, _RIGHTS),
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Row("id", Meaning.REFUSED, _RIGHTS),
    KafkaError.GROUP_AUTHORIZATION_FAILED: Row("group", Meaning.REFUSED, _GROUP),
    KafkaError.INVALID_GROUP_ID: Row("group", Meaning.REFUSED, "Use another name."),
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: Row("protocol", Meaning.REFUSED, _SHARED),
    KafkaError.INVALID_SESSION_TIMEOUT: Row("session", Meaning.REFUSED, _SESSION),
    KafkaError.POLICY_VIOLATION: Row("policy", Meaning.REFUSED, _SETUP),
    KafkaError.INVALID_PARTITIONS: Row("partitions", Meaning.REFUSED, _SETUP),
    KafkaError.INVALID_REPLICATION_FACTOR: Row("replication", Meaning.REFUSED, _SETUP),
    KafkaError.TOPIC_EXCEPTION: Row("invalid topic", Meaning.REFUSED, "Use another name."),
    KafkaError.MSG_SIZE_TOO_LARGE: Row("too large", Meaning.BAD_MESSAGE),
    KafkaError.RECORD_LIST_TOO_LARGE: Row("too large", Meaning.BAD_MESSAGE),
    KafkaError.INVALID_RECORD: Row("invalid record", Meaning.BAD_MESSAGE),
    KafkaError.INVALID_MSG: Row("corrupt message", Meaning.TRY_AGAIN),
    KafkaError.NOT_ENOUGH_REPLICAS: Row("too few replicas", Meaning.TRY_AGAIN),
    KafkaError._QUEUE_FULL: Row("queue of the client", Meaning.TRY_AGAIN),
}
MISSING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
UNREACHED = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
    }
)


def explain(error: KafkaError) -> tuple[Meaning, str]:
    """Return what an error means, and a text for it: the answer of Kafka, and what to do."""
    row = TABLE.get(error.code(), UNKNOWN)
    # Whatever else fails may be over with another connection.
    meaning = Meaning.RECONNECT if row is UNKNOWN else row.meaning
    text = f"Kafka: {error.str()} ({error.name()})"
    return meaning, f"{text}. {row.advice}" if row.advice else text

"""Names of spans, attributes and metrics.

Those of OpenTelemetry's conventions for messaging are copied from its schema 1.44.0: they are still
in development, so the package that holds them may rename them with any release.
"""

from __future__ import annotations

SYSTEM = "messaging.system"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
PARTITION = "messaging.destination.partition.id"
CONSUMER_GROUP = "messaging.consumer.group.name"
MESSAGE_ID = "messaging.message.id"
CONVERSATION_ID = "messaging.message.conversation_id"
BATCH_COUNT = "messaging.batch.message_count"
ERROR_TYPE = "error.type"
FUNCTION = "code.function.name"

OPERATION_DURATION = "messaging.client.operation.duration"
SENT_MESSAGES = "messaging.client.sent.messages"
CONSUMED_MESSAGES = "messaging.client.consumed.messages"
PROCESS_DURATION = "messaging.process.duration"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The boundaries of all durations, in seconds."""

# Our own, for which there is no convention.
MESSAGE_NAME = "messagebus.message.name"
MESSAGE_VERSION = "messagebus.message.version"
CAUSATION_ID = "messagebus.message.causation_id"
OUTCOME = "messagebus.outcome"

HANDLE_DURATION = "messagebus.handle.duration"
LISTENER_DURATION = "messagebus.listener.duration"
LAG = "messagebus.consumer.lag"
CONSUMER_MESSAGES = "messagebus.consumer.messages"
CONSUMER_HELD = "messagebus.consumer.held"
OUTBOX_MESSAGES = "messagebus.outbox.messages"
OUTBOX_AGE = "messagebus.outbox.oldest.age"
RELAY_SENT = "messagebus.relay.sent"
RELAY_LEADING = "messagebus.relay.leading"
RELAY_OUTAGES = "messagebus.relay.outages"
"""The number of outages in a row; 0 while everything works."""

INTERNAL_SYSTEM = "messagebus"
"""The system of what enters the outbox: who reads it, and how, is not known there."""

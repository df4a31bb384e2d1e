"""The form of a message on each broker: what is its body, and what is beside it."""

from __future__ import annotations

from typing import Any

from ..serialization.wire import TRACE_CONTEXT
from .payloads import Schema

FORMAT = "application/schema+json;version=draft-2020-12"
"""The name of the dialect of the schemas in an AsyncAPI document."""

_UUID: Schema = {"type": "string", "format": "uuid"}
_TEXT: Schema = {"type": "string"}
_WHOLE = {"nats", "stdout"}
_PROPERTIES = {"id": "message_id", "type": "type", "correlation_id": "correlation_id"}
_REQUIRED = {"id", "created_at", "type", "payload"}


def carry(
    broker: str | None, wire_type: str, payload: Schema, *, received: bool, ordering_key: str | None
) -> dict[str, Any]:
    """Return what an AsyncAPI document says of the form of a message.

    Args:
        broker: the name of the adapter; None if it is unknown.
        wire_type: the type of the message.
        payload: the schema of its payload.
        received: whether it is received, and so may come from other senders.
        ordering_key: the field that its ordering key is taken from; None if it has none.
    """
    null = {"const": "null"} if broker == "redis" else {"type": "null"}
    optional = [null] if received and broker != "redis" else []
    envelope = _envelope(wire_type, null, optional, is_ordered=received or ordering_key is not None)
    if ordering_key is not None:
        envelope["ordering_key"]["description"] += f" It is taken from {ordering_key}."
    if broker in _WHOLE:
        text = {"type": "string", "contentMediaType": "application/json", "contentSchema": payload}
        message = _message(_object({**envelope, "payload": text}), "payload#/correlation_id")
        if broker == "nats":
            known = {"Nats-Msg-Id": {**_UUID, "description": "The id of the message."}}
            headers = {**known, **{each: {**_TEXT} for each in TRACE_CONTEXT}}
            message["headers"] = _object(headers, [] if received else [*known])
        return message
    message = _message(payload, "header#/correlation_id")
    if broker == "rabbitmq":
        properties = {name: envelope.pop(key) for key, name in _PROPERTIES.items()}
        message["x-properties"] = _object(properties, ["message_id", "type"])
        message["bindings"] = {"amqp": {"messageType": wire_type, "bindingVersion": "0.3.0"}}
        del message["correlationId"]  # it is no header there
    if broker == "kafka" and ordering_key is not None:
        key = {**_TEXT, "description": envelope["ordering_key"]["description"]}
        message["bindings"] = {"kafka": {"key": key, "bindingVersion": "0.5.0"}}
    message["headers"] = _object(envelope)
    return message


def _envelope(
    wire_type: str, null: Schema, optional: list[Schema], *, is_ordered: bool
) -> dict[str, Schema]:
    """Return the schemas of all keys of a wire message but its payload.

    Args:
        wire_type: the type of the message.
        null: what stands for None.
        optional: the same for keys that only other senders leave empty; nothing if none may.
        is_ordered: whether it may have an ordering key.
    """
    envelope: dict[str, Schema] = {
        "id": {**_UUID, "description": "Identifies the message, however often it comes."},
        "created_at": {
            "type": "string",
            "format": "date-time",
            "description": "The time of creation, with its offset from UTC.",
        },
        "type": {"const": wire_type, "description": "The name and version of the schema."},
        "causation_id": {
            **_any_of(_UUID, null),
            "description": "The message whose handling raised this one; null if there is none.",
        },
        "correlation_id": {
            **_any_of(_UUID, *optional),
            "description": "The first message of the cascade.",
        },
    }
    if is_ordered:
        envelope["ordering_key"] = {
            **_any_of(_TEXT, *optional),
            "description": "What the message must stay in order with.",
        }
    for name in TRACE_CONTEXT:
        envelope[name] = {**_TEXT, "description": "A part of the W3C trace context."}
    return envelope


def _any_of(*branches: Schema) -> Schema:
    return branches[0] if len(branches) == 1 else {"anyOf": [*branches]}


def _message(payload: Schema, correlation: str) -> dict[str, Any]:
    return {
        "contentType": "application/json",
        "payload": {"schemaFormat": FORMAT, "schema": payload},
        "correlationId": {"location": f"$message.{correlation}"},
    }


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    if required is None:
        required = [name for name in properties if name in _REQUIRED]
    return {"type": "object", "properties": properties} | (
        {"required": required} if required else {}
    )

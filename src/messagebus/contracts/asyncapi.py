"""The AsyncAPI document of a contract."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .carriers import carry
from .contract import Contract, ContractMessage
from .payloads import Schema, move_definitions
from .places import Place

_VERSION = "3.0.0"
_SCHEMAS = "#/components/schemas/"
_ABOUT = (
    "The messages of an application that uses messagebus. Each message has the version of its "
    "schema at the end of its type."
)


def asyncapi_document(
    contract: Contract,
    title: str,
    *,
    published_to: Place | None = None,
    consumed_from: Place | None = None,
) -> dict[str, Any]:
    """Return the AsyncAPI document of a contract, as plain values for JSON.

    Args:
        contract: the contract.
        title: the name of the application.
        published_to: where published messages go. What is body and what is header depends on it;
            if it is unknown, the payload is the body, and the rest are headers.
        consumed_from: where the other messages come from.
    """
    schemas: dict[str, Schema] = {}
    channels, operations = {}, {}
    sides: tuple[tuple[str, str, Literal["send", "receive"], Sequence[ContractMessage], Any], ...]
    sides = (
        ("published", "publish", "send", contract.published, published_to),
        ("consumed", "consume", "receive", contract.consumed, consumed_from),
    )
    for name, operation, action, messages, place in sides:
        if not messages:
            continue
        keys = keys_of([each.type for each in messages])
        where = place or Place()
        channels[name] = {
            **where.channel(keys),
            "messages": {
                keys[each.type]: _message(each, action, where.broker, schemas) for each in messages
            },
        }
        refs = [f"#/channels/{name}/messages/{key}" for key in keys.values()]
        operations[operation] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": ref} for ref in refs],
        }
    return {
        "asyncapi": _VERSION,
        "info": {"title": title, "version": "1.0.0", "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def keys_of(types: Sequence[str]) -> dict[str, str]:
    """Return a name for each type that can be a key of a document, or the name of a file."""
    keys: dict[str, str] = {}
    for each in types:
        key = name = re.sub(r"[^\w.-]", "_", each, flags=re.ASCII)
        number = 1
        while key in keys.values():
            number += 1
            key = f"{name}.{number}"
        keys[each] = key
    return keys


def _message(
    message: ContractMessage,
    action: Literal["send", "receive"],
    broker: str | None,
    schemas: dict[str, Schema],
) -> dict[str, Any]:
    received = action == "receive"
    schema = message.schema("validation" if received else "serialization")
    payload = move_definitions(_plain(schema), schemas, _SCHEMAS)
    about: dict[str, Any] = {"name": message.type, "title": message.title}
    if message.summary is not None:
        about["summary"] = message.summary
    if message.ordering_key is not None:
        about["x-ordering-key"] = message.ordering_key
    if message.upcast_from:
        about["x-upcast-from"] = [*message.upcast_from]
    carried = carry(
        broker, message.type, payload, received=received, ordering_key=message.ordering_key
    )
    return {**about, **carried}


def _plain(node: Any) -> Any:
    """Return a copy of a part of a schema without discriminators.

    In AsyncAPI, the word has another meaning. The constants in the branches of a union say the
    same.
    """
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    is_union = isinstance(node.get("oneOf"), list) and "discriminator" in node
    return {
        key: _plain(each) for key, each in node.items() if not (is_union and key == "discriminator")
    }

"""The routing key of a message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...exceptions import ConfigurationError, MessageRejectedError
from ...serialization.wire import parse_type
from .._transport.partitions import ensure_partitions, partition_of

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_LONGEST = 255  # bytes


class RoutingKey:
    """A routing key with fields, such as ``{name}``, and the partition behind it.

    A field is a key of the serialized message, or *name* or *version*, the parts of its *type*.

    Args:
        text: the template.
        partitions: the number of partitions; if it exceeds 1, the key ends in ``.0``, ``.1``, ….

    Raises:
        ConfigurationError: the template or the number is not valid.
    """

    def __init__(self, text: str, partitions: int) -> None:
        plain = _FIELD.sub("", text)
        if "{" in plain or "}" in plain or len(plain.encode()) > _LONGEST:
            problem = f"{text!r} is not a valid routing_key with fields such as {{name}}"
            raise ConfigurationError(problem)
        ensure_partitions(partitions)
        self._text = text
        self._partitions = partitions

    def fill(self, message: Mapping[str, Any]) -> str:
        """Return the routing key of a message.

        Raises:
            MessageRejectedError: the message lacks a field, or its key is too long.
        """
        values = {key: str(value) for key, value in message.items()}
        if "type" in values:
            values = {**parse_type(values["type"]), **values}
        try:
            key = _FIELD.sub(lambda field: values[field[1]], self._text)
        except KeyError as error:
            reason = f"it has no key {error} for the routing key {self._text!r}"
            raise MessageRejectedError(message, reason) from error
        if self._partitions > 1:
            key = f"{key}.{partition_of(message, self._partitions)}"
        if (size := len(key.encode())) > _LONGEST:
            reason = f"its routing key has {size} bytes; the limit is {_LONGEST}"
            raise MessageRejectedError(message, reason)
        return key

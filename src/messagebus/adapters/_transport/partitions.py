"""The partition of a message: the same one for each ordering key, in every process."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from ...exceptions import ConfigurationError

MOST_PARTITIONS = 1_024


def partition_of(message: Mapping[str, Any], partitions: int) -> int:
    """Return the number of the partition of a wire message, from 0.

    Messages without an ordering key are all in the first one, where they stay in order.
    """
    key = message.get("ordering_key")
    return 0 if key is None else zlib.crc32(str(key).encode()) % partitions


def ensure_partitions(partitions: int) -> None:
    """Ensure that a number of partitions is a whole number from 1 to 1024.

    Raises:
        ConfigurationError: it is not.
    """
    if not isinstance(partitions, int) or not 1 <= partitions <= MOST_PARTITIONS:
        text = f"partitions must be a whole number from 1 to {MOST_PARTITIONS}, not {partitions!r}"
        raise ConfigurationError(text)

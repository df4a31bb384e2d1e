"""The keys of the streams of a name: one for each partition."""

from __future__ import annotations

from .._transport.partitions import ensure_partitions


def streams_of(name: str, partitions: int) -> list[str]:
    """Return the key of the stream of each partition.

    Raises:
        ConfigurationError: the number of partitions is out of its range.
    """
    ensure_partitions(partitions)
    return [name] if partitions == 1 else [f"{name}.{number}" for number in range(partitions)]

"""Identifiers that sort in order of creation (UUIDv7, RFC 9562 section 5.7)."""

from __future__ import annotations

import os
from random import Random
from threading import Lock
from time import time_ns
from uuid import UUID

# 62 random bits tell apart two processes that make an id in the same quarter of a microsecond.
# An id is not a secret, so a seeded generator will do. It is four times faster than the system's.
_random_bits = Random().getrandbits
_lock = Lock()
_last = 0

_new = UUID.__new__
# UUID forbids assignment, and its constructor checks what is always true here.
_set_int = UUID.__dict__["int"].__set__
_set_is_safe = UUID.__dict__["is_safe"].__set__
_UNKNOWN = UUID(int=0).is_safe

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


def _renew() -> None:
    """Start another random sequence: a forked child must not repeat its parent's."""
    global _lock, _random_bits
    _lock = Lock()
    _random_bits = Random().getrandbits


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def uuid7() -> UUID:
    """Make a UUIDv7 that is greater than all those made before in this process.

    The first 48 bits are milliseconds, the next 12 bits the fraction of the millisecond
    (RFC 9562 section 6.2, method 3). If the clock stops or goes back, these 60 bits count on from
    the last identifier.

    Returns:
        A UUID. UUIDs sort in order of creation across all threads of the process.
    """
    global _last
    milliseconds, nanoseconds = divmod(time_ns(), 1_000_000)
    tick = milliseconds << 12 | (nanoseconds << 12) // 1_000_000
    with _lock:
        if tick <= _last:
            tick = _last + 1
        _last = tick
    identifier = _new(UUID)
    _set_int(
        identifier,
        (tick >> 12) << 80 | _VERSION_7 | (tick & 0xFFF) << 64 | _VARIANT | _random_bits(62),
    )
    _set_is_safe(identifier, _UNKNOWN)
    return identifier

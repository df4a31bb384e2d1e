"""The clients of Kafka in a forked process, which has none of their threads."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Any


class Owner:
    """The owner of a client, which a fork keeps for ever.

    Without its threads, the client would wait for them when it is freed.
    """

    _client: Any

    def __init__(self) -> None:
        self._pid = os.getpid()
        _owners.add(self)

    @property
    def is_of_this_process(self) -> bool:
        """Whether the client was made in this process."""
        return self._pid == os.getpid()


_owners: weakref.WeakSet[Owner] = weakref.WeakSet()


def _keep_all() -> None:
    for each in list(_owners):
        if hasattr(each, "_client"):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each._client))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_all)

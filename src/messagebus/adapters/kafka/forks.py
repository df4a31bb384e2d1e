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

    is_of_this_process = True
    """Whether the client was made in this process."""

    def __init__(self) -> None:
        _owners.add(self)


_owners: weakref.WeakSet[Owner] = weakref.WeakSet()


def _leave_all() -> None:
    for each in list(_owners):
        each.is_of_this_process = False
        if hasattr(each, "_client"):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each._client))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)

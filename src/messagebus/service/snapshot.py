"""Lists for reading: what is registered, as a bus shows it."""

from __future__ import annotations

from typing import Any, NoReturn


def _refuse_change(_self: object, *_arguments: object, **_options: object) -> NoReturn:
    text = "What is registered is for reading: use add_listener and remove_listener"
    raise TypeError(text)


_CHANGES = ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort")
_OPERATIONS = ("__delitem__", "__iadd__", "__imul__", "__setitem__")


class Snapshot(list[Any]):
    """A list for reading: a change would be lost, so it is refused."""

    def __reduce__(self) -> tuple[type, tuple[list[Any]]]:
        return list, ([*self],)  # a copy may be changed


for _name in (*_CHANGES, *_OPERATIONS):
    setattr(Snapshot, _name, _refuse_change)

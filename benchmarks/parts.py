"""What the dependencies of the workload are: as little as possible, to measure the way to them."""

from __future__ import annotations


class Request:
    """What the handler is called with."""

    __slots__ = ()


class Clock:
    """The dependency that needs nothing."""

    __slots__ = ()


class Settings:
    """What the connection needs."""

    __slots__ = ()


class Connection:
    """What the storage needs."""

    __slots__ = ("settings",)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


class Storage:
    """The dependency that is nested."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Session:
    """The dependency that is closed in the end."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        """Close it."""
        self.closed = True

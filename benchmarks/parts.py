"""The dependencies of a workload, as small as possible, so that only injection is measured."""

from __future__ import annotations


class Request:
    """The argument of the handler."""

    __slots__ = ()


class Clock:
    """The dependency without requirements."""

    __slots__ = ()


class Settings:
    """The settings of the connection."""

    __slots__ = ()


class Connection:
    """The connection of the storage."""

    __slots__ = ("settings",)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


class Storage:
    """The nested dependency."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Session:
    """The dependency that is closed after the handler."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        """Close the session."""
        self.closed = True

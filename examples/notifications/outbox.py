"""Notifications that wait for the commit."""

from __future__ import annotations

from typing_extensions import override

from messagebus import Publisher, SyncDependency

from .messages import Notification


class Outbox(SyncDependency):
    """Keeps notifications until the transaction ends.

    Args:
        publisher: publishes them after the commit. If one fails, the next ones are not published.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: list[tuple[Notification, str]] = []

    def put(self, notification: Notification, topic: str) -> None:
        """Add a notification that is published after the commit."""
        self._waiting.append((notification, topic))

    @override
    def on_after_commit(self) -> None:
        for notification, topic in self._waiting:
            self._publisher.publish(notification, topic)

    @override
    def on_after_rollback(self) -> None:
        self._waiting.clear()

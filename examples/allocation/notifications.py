"""The e-mail to those who buy."""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage
from typing import Protocol

from typing_extensions import override

from messagebus import SyncDependency


class Notifications(Protocol):
    """What handlers need in order to tell somebody something."""

    def send(self, address: str, text: str) -> None:
        """Send a text to an address."""


class Printout:
    """Notifications on standard error, for a service without a mail server."""

    def send(self, address: str, text: str) -> None:
        """Print a text and its address."""
        print(f"to {address}: {text}", file=sys.stderr)


class Emails(SyncDependency):
    """E-mails that leave when the transaction is committed, and not if it is rolled back.

    Args:
        host: the SMTP server.
        port: its port.
    """

    def __init__(self, host: str, port: int = 25) -> None:
        self._server = (host, port)
        self._waiting: list[EmailMessage] = []

    def send(self, address: str, text: str) -> None:
        """Keep an e-mail for after the commit."""
        email = EmailMessage()
        email["From"] = "allocation@example.com"
        email["To"] = address
        email["Subject"] = text
        email.set_content(text)
        self._waiting.append(email)

    @override
    def on_after_commit(self) -> None:
        if not self._waiting:
            return
        with smtplib.SMTP(*self._server, timeout=10.0) as server:
            for email in self._waiting:
                server.send_message(email)

    @override
    def on_after_rollback(self) -> None:
        """Send nothing."""

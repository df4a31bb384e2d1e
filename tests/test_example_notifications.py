"""The notifications of the examples, as a process and in this one with test doubles."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from examples.notifications.actions import register_user
from examples.notifications.bootstrap import running
from examples.notifications.components import provider, subscriber
from examples.notifications.dependencies import Settings, get_mailer, get_settings
from examples.notifications.errors import (
    EmailTakenError,
    RegistrationError,
    ReservedNameError,
    UnknownUserError,
)
from examples.notifications.messages import Notification
from messagebus import Service

ALICE = ("Alice", "alice@example.org")
STORY = """\
register-user 'Alice' 'alice@example.org'
  to alice@example.org: Welcome to example.org, Alice.
register-user 'Bob' 'bob@example.org'
  to bob@example.org: Welcome to example.org, Bob.
rename-user 1 'Alice Liddell'
  to alice@example.org: From now on you are Alice Liddell.
rename-user 2 'Root'
  refused: the name Root is reserved
register-user 'Another Alice' 'alice@example.org'
  refused: alice@example.org is registered already

On the board:
  for alice@example.org: Welcome to example.org, Alice.
  for staff: Alice is user 1.
  for bob@example.org: Welcome to example.org, Bob.
  for staff: Bob is user 2.
  for alice@example.org: From now on you are Alice Liddell.
"""


@dataclass
class Mailbox:
    """Keeps letters."""

    letters: list[Notification] = field(default_factory=list)

    def send(self, notification: Notification) -> None:
        """Keep one letter."""
        self.letters.append(notification)


@dataclass
class Office:
    """The running program and its observable effects."""

    service: Service
    mailbox: Mailbox
    board: list[Notification]
    database: Path

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Read committed rows."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Run the program on a new database."""
    mailbox, board, database = Mailbox(), list[Notification](), tmp_path / "users.db"
    with running(mailbox, board, str(database)) as service:
        yield Office(service, mailbox, board, database)


def test_the_program_tells_its_story() -> None:
    """As a process, it prints its actions and letters and ends with code 0."""
    finished = subprocess.run(
        (sys.executable, "-W", "error", "-m", "examples.notifications"),
        cwd=Path(__file__).parents[1],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )

    assert (0, "", STORY) == (finished.returncode, finished.stderr, finished.stdout)


def test_a_committed_action_is_kept_and_notified(office: Office) -> None:
    """An action reaches the bus, the consumer inside the transaction, and the subscriber."""
    user_id = office.service.execute("register-user", *ALICE)
    office.service.execute("rename-user", user_id, name="Alice Liddell")

    assert [(1, "Alice Liddell", "alice@example.org")] == office.rows("SELECT * FROM users")
    assert [
        ("user_registered", 1, "Alice"),
        ("user_renamed", 1, "Alice Liddell"),
    ] == office.rows("SELECT * FROM history")
    welcome, confirmation = office.mailbox.letters
    assert Notification("alice@example.org", "Welcome to example.org, Alice.") == welcome
    assert [welcome, Notification("staff", "Alice is user 1."), confirmation] == office.board


@pytest.mark.parametrize(
    ("action", "arguments", "error"),
    [
        ("register-user", ("Admin", "admin@example.org"), ReservedNameError),
        ("register-user", ("Alice", "alice@example.org"), EmailTakenError),
        ("rename-user", (1, "ROOT"), ReservedNameError),
        ("rename-user", (9, "Nobody"), UnknownUserError),
    ],
)
def test_a_refused_action_leaves_no_trace(
    office: Office, action: str, arguments: tuple[object, ...], error: type[RegistrationError]
) -> None:
    """A rule broken in a listener or in the consumer undoes all, and nobody is notified."""
    office.service.execute("register-user", *ALICE)
    users, history = office.rows("SELECT * FROM users"), office.rows("SELECT * FROM history")

    with pytest.raises(error):
        office.service.execute(action, *arguments)

    assert users == office.rows("SELECT * FROM users")
    assert history == office.rows("SELECT * FROM history")
    assert 1 == len(office.mailbox.letters)
    assert 2 == len(office.board)


def test_one_override_holds_for_the_bus_and_the_facade(office: Office) -> None:
    """Listeners of the bus and handlers of the consumer see it until its block ends."""
    with provider.override(get_settings, lambda: Settings("the club", frozenset({"alice"}))):
        office.service.execute("register-user", "Admin", "admin@example.org")
        with pytest.raises(ReservedNameError):
            office.service.execute("register-user", *ALICE)
    office.service.execute("register-user", *ALICE)

    assert ["Welcome to the club, Admin.", "Welcome to example.org, Alice."] == [
        letter.text for letter in office.mailbox.letters
    ]


def test_a_failing_mailer_undoes_nothing(office: Office) -> None:
    """The commit stands when the mailer fails, and the other subscribers are notified."""

    class Strike:
        def send(self, notification: Notification) -> None:
            raise ConnectionError

    with subscriber.override(get_mailer, Strike), pytest.raises(ExceptionGroup) as raised:
        office.service.execute("register-user", *ALICE)

    assert raised.group_contains(ConnectionError)
    assert [(1,)] == office.rows("SELECT id FROM users")
    assert ["alice@example.org"] == [notification.to for notification in office.board]


def test_an_action_can_be_called_as_a_function(office: Office) -> None:
    """Called directly, it gets the same dependencies as by name."""
    assert 1 == register_user(*ALICE)
    assert 1 == len(office.mailbox.letters)

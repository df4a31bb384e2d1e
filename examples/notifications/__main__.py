"""Run the program: ``python -m examples.notifications``."""

from __future__ import annotations

from .bootstrap import running
from .errors import RegistrationError
from .messages import Notification

STORY = (
    ("register-user", "Alice", "alice@example.org"),
    ("register-user", "Bob", "bob@example.org"),
    ("rename-user", 1, "Alice Liddell"),
    ("rename-user", 2, "Root"),
    ("register-user", "Another Alice", "alice@example.org"),
)


class Printer:
    """A mailer that prints letters."""

    def send(self, notification: Notification) -> None:
        """Print one letter."""
        print(f"  to {notification.to}: {notification.text}")


def main() -> None:
    """Execute the actions of the story, then print the board."""
    board: list[Notification] = []
    with running(Printer(), board) as service:
        for action, *arguments in STORY:
            print(action, *map(repr, arguments))
            try:
                service.execute(action, *arguments)
            except RegistrationError as error:
                print(f"  refused: {error}")
    print("\nOn the board:")
    for notification in board:
        print(f"  for {notification.to}: {notification.text}")


if __name__ == "__main__":
    main()

"""The model of users."""

from __future__ import annotations

from messagebus import Model

from .messages import UserRegistered, UserRenamed


class User(Model):
    """A registered user."""

    id: int
    name: str
    email: str

    def register(self) -> None:
        """Raise the event of a new user."""
        self.messages.append(UserRegistered(user_id=self.id, name=self.name, email=self.email))

    def rename(self, name: str) -> None:
        """Change the name. The current name changes nothing and raises no event."""
        if name != self.name:
            self.name = name
            self.messages.append(UserRenamed(user_id=self.id, name=name, email=self.email))

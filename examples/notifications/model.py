"""The users."""

from __future__ import annotations

from messagebus import Model

from .messages import UserRegistered, UserRenamed


class User(Model):
    """Somebody who is registered."""

    id: int
    name: str
    email: str

    def register(self) -> None:
        """Tell that the user is new."""
        self.messages.append(UserRegistered(user_id=self.id, name=self.name, email=self.email))

    def rename(self, name: str) -> None:
        """Take another name; the name that the user has already is nothing new."""
        if name != self.name:
            self.name = name
            self.messages.append(UserRenamed(user_id=self.id, name=name, email=self.email))

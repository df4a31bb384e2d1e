"""The rules of the program, as the errors of breaking them."""

from __future__ import annotations


class RegistrationError(Exception):
    """What was asked for breaks a rule; nothing has changed."""


class EmailTakenError(RegistrationError):
    """Another user has this address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is registered already")
        self.email = email


class UnknownUserError(RegistrationError):
    """No user has this identifier."""

    def __init__(self, user_id: int) -> None:
        super().__init__(f"there is no user {user_id}")
        self.user_id = user_id


class ReservedNameError(RegistrationError):
    """Nobody may have this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name} is reserved")
        self.name = name

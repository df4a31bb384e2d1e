"""Errors raised when a request breaks a rule of the program."""

from __future__ import annotations


class RegistrationError(Exception):
    """Base class: the request breaks a rule, and nothing was changed."""


class EmailTakenError(RegistrationError):
    """Another user has this email address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} is registered already")
        self.email = email


class UnknownUserError(RegistrationError):
    """No user has this id."""

    def __init__(self, user_id: int) -> None:
        super().__init__(f"there is no user {user_id}")
        self.user_id = user_id


class ReservedNameError(RegistrationError):
    """The name is reserved."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name} is reserved")
        self.name = name

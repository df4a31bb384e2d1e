"""The listeners of the bus, called in the transaction of the command.

The outbox is injected by name because it hears the commit. The settings are declared with
``Depends`` because the consumer uses the same ones.
"""

from __future__ import annotations

from messagebus import Depends, sync_listen

from .dependencies import Settings, get_settings
from .messages import Notification, RegisterUser, RenameUser, UserRegistered, UserRenamed
from .outbox import Outbox
from .unit_of_work import UnitOfWork


@sync_listen
def register_user(command: RegisterUser, uow: UnitOfWork) -> int:
    """Register a user and return the id."""
    return uow.users.register(command.name, command.email).id


@sync_listen
def rename_user(command: RenameUser, uow: UnitOfWork) -> None:
    """Rename a user."""
    user = uow.users.get(command.user_id)
    user.rename(command.name)
    uow.users.save(user)


@sync_listen
def welcome(
    event: UserRegistered,
    uow: UnitOfWork,  # noqa: ARG001
    outbox: Outbox,
    settings: Settings = Depends(get_settings),
) -> None:
    """Welcome a new user and inform the staff."""
    outbox.put(Notification(event.email, f"Welcome to {settings.site}, {event.name}."), "letters")
    outbox.put(Notification("staff", f"{event.name} is user {event.user_id}."), "board")


@sync_listen
def confirm_name(event: UserRenamed, uow: UnitOfWork, outbox: Outbox) -> None:  # noqa: ARG001
    """Confirm a new name to the user."""
    outbox.put(Notification(event.email, f"From now on you are {event.name}."), "letters")

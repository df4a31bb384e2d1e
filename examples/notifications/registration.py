"""What the bus does on each message, in the transaction of the command.

Listeners get the outbox by its name, because it hears the commit; settings are declared, because
the consumer asks for the same.
"""

from __future__ import annotations

from messagebus import Depends, sync_listen

from .dependencies import Settings, get_settings
from .messages import Notification, RegisterUser, RenameUser, UserRegistered, UserRenamed
from .outbox import Outbox
from .unit_of_work import UnitOfWork


@sync_listen
def register_user(command: RegisterUser, uow: UnitOfWork) -> int:
    """Register a user; return the identifier."""
    return uow.users.register(command.name, command.email).id


@sync_listen
def rename_user(command: RenameUser, uow: UnitOfWork) -> None:
    """Give a user another name."""
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
    """Write to a new user, and tell the staff."""
    outbox.put(Notification(event.email, f"Welcome to {settings.site}, {event.name}."), "letters")
    outbox.put(Notification("staff", f"{event.name} is user {event.user_id}."), "board")


@sync_listen
def confirm_name(event: UserRenamed, uow: UnitOfWork, outbox: Outbox) -> None:  # noqa: ARG001
    """Write to a user who has another name."""
    outbox.put(Notification(event.email, f"From now on you are {event.name}."), "letters")

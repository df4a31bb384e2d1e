"""The actions of the service, each executed in a transaction of its own."""

from __future__ import annotations

from messagebus import Depends

from .components import bus, service
from .dependencies import get_unit_of_work
from .messages import RegisterUser, RenameUser
from .unit_of_work import UnitOfWork


@service.handler
def register_user(name: str, email: str, uow: UnitOfWork = Depends(get_unit_of_work)) -> int:
    """Register a user and return the id.

    Raises:
        RegistrationError: the request breaks a rule.
    """
    return bus.execute(RegisterUser(name=name, email=email), uow)


@service.handler
def rename_user(user_id: int, name: str, uow: UnitOfWork = Depends(get_unit_of_work)) -> None:
    """Rename a user.

    Raises:
        RegistrationError: the request breaks a rule.
    """
    bus.execute(RenameUser(user_id=user_id, name=name), uow)

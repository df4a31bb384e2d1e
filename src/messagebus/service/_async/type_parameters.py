"""The type parameters of units of work and transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import TypeVar

from .repository import AsyncAbstractRepository

if TYPE_CHECKING:
    from .unit_of_work import AsyncAbstractUnitOfWork

TRepositories = TypeVar("TRepositories", bound=AsyncAbstractRepository[Any], default=Any)
"""The repositories of a unit of work: one type, or a union of several."""

TUow_co = TypeVar(
    "TUow_co",
    bound="AsyncAbstractUnitOfWork[Any]",
    covariant=True,
    default="AsyncAbstractUnitOfWork[Any]",
)
"""The unit of work of a transaction."""

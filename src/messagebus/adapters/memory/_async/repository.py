"""The repository in memory."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any, TypeVar

from ....exceptions import DuplicateModelError, UnknownModelError
from ....service._async.repository import AsyncAbstractRepository
from ....service.repository import RaisesMessages
from ..session import MemorySession

TModel = TypeVar("TModel", bound=RaisesMessages)


class AsyncMemoryRepository(AsyncAbstractRepository[TModel]):
    """Models by their keys.

    A transaction loads each model once. The commit keeps the changes; a rollback drops them.

    Args:
        session: the session of the transaction.
        model: the class of the models.
        key: the name of the attribute that identifies a model.
    """

    def __init__(self, session: MemorySession, model: type[TModel], key: str = "id") -> None:
        super().__init__()
        self.rows: MutableMapping[Any, TModel] = session.table(model)
        """The models as the transaction sees them, for queries of your own."""
        self.model_type: type[TModel] = model
        """The class of the models."""
        self.key_name: str = key
        """The name of the attribute that identifies a model."""

    async def add(self, model: TModel) -> None:
        """Add a new model.

        Raises:
            DuplicateModelError: its key is taken.
        """
        key = getattr(model, self.key_name)
        if key in self.rows:
            raise DuplicateModelError(self.model_type, key)
        self.rows[key] = model
        self.seen.append(model)

    async def get(self, key: Any) -> TModel:
        """Return the model with this key.

        Raises:
            UnknownModelError: there is none.
        """
        model = await self.find(key)
        if model is None:
            raise UnknownModelError(self.model_type, key)
        return model

    async def find(self, key: Any) -> TModel | None:
        """Return the model with this key; None if there is none."""
        model = self.rows.get(key)
        if model is not None:
            self.seen.append(model)
        return model

    async def list(self) -> Sequence[TModel]:
        """Return all models, in the order in which they were added."""
        models = list(self.rows.values())
        self.seen.extend(models)
        return models

    async def remove(self, model: TModel) -> None:
        """Remove a model; what it has raised is still handled.

        Raises:
            UnknownModelError: there is none with its key.
        """
        key = getattr(model, self.key_name)
        if key not in self.rows:
            raise UnknownModelError(self.model_type, key)
        del self.rows[key]

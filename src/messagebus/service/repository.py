"""Repositories of either colour, and the messages that their models have raised."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from ..domain.model import GenericModel, Message
from ..exceptions import ConfigurationError, InvalidMessageError
from .aggregate import can_hold_models, models_within


class RaisesMessages(Protocol):
    """A model as the unit of work sees it: a *Model*, or an object with a list of messages.

    A class of an ORM is one if it has an attribute *messages*.
    """

    @property
    def messages(self) -> MutableSequence[Any]:
        """The messages that the model has raised, in order."""
        ...


class Raised:
    """Messages without the models that have raised them."""

    __slots__ = ("messages",)

    def __init__(self, messages: list[Message[Any]]) -> None:
        self.messages: list[Message[Any]] = messages


TModel_contra = TypeVar("TModel_contra", bound=RaisesMessages, contravariant=True)

NO_MESSAGES: Iterator[Message[Any]] = iter(())
"""The messages of models that have raised none."""


class Repository(Generic[TModel_contra]):
    """Base of the abstract repositories of both colours."""

    seen: MutableSequence[TModel_contra]
    """The models that may have raised messages; the unit of work collects them and empties it."""

    def __init__(self) -> None:
        self.seen = []


def repositories_among(values: Iterable[object]) -> list[Repository[Any]]:
    """Return the repositories among the attributes of a unit of work.

    Raises:
        ConfigurationError: a repository has no *seen*.
    """
    found = [each for each in values if isinstance(each, Repository)]
    for each in found:
        if not hasattr(each, "seen"):
            error = ConfigurationError(f"{type(each).__qualname__} has no attribute 'seen'")
            error.add_note("Call super().__init__() in its constructor.")
            raise error
    return found


def take_messages(repositories: Iterable[Repository[Any]]) -> Iterator[Message[Any]]:
    """Take the messages off the models that repositories have seen, and forget these models.

    The models in the fields of these models count, too.

    Returns:
        The messages in the order they were raised: those of one model as they stand in its
        list, those of several models by the order of their identifiers.
    """
    batches: list[list[Message[Any]]] = []
    roots: list[GenericModel[Any]] = []
    for repository in repositories:
        models = repository.seen
        if models:
            for model in models:
                if model.messages:
                    batches.append(list(model.messages))
                    model.messages.clear()
                if getattr(model, "__holds_models__", False) is not False:
                    roots.append(model)
            models.clear()
    if roots:
        for part in models_within(filter(can_hold_models, roots)):
            if part.messages:
                batches.append(list(part.messages))
                part.messages.clear()
    if not batches:
        return NO_MESSAGES
    if len(batches) == 1:
        return iter(batches[0])
    return heapq.merge(*batches, key=_order_of)


class RaisedSoFar:
    """The number of messages that each model had raised when a savepoint began.

    Args:
        attributes: the attributes of a unit of work, its repositories among them.
    """

    __slots__ = ("_attributes", "_counts")

    def __init__(self, attributes: Callable[[], Iterable[object]]) -> None:
        self._attributes = attributes
        self._counts = {id(model): len(model.messages) for model in seen_models(attributes())}

    def drop_later(self) -> None:
        """Take back the messages that models have raised since then."""
        for model in seen_models(self._attributes()):
            del model.messages[self._counts.get(id(model), 0) :]


def seen_models(values: Iterable[object]) -> Iterator[Any]:
    """Return the models that the repositories among some values have seen, and those within."""
    roots = [each for found in repositories_among(values) for each in found.seen]
    yield from roots
    yield from models_within(filter(can_hold_models, roots))


def discard(messages: Iterable[Message[Any]]) -> None:
    """Take messages off their models and drop them."""
    for _message in messages:
        pass


def _order_of(message: Message[Any]) -> UUID:
    if not isinstance(message, Message):
        raise InvalidMessageError(message)
    return message.message_id

"""What repositories have seen: models that may have raised messages."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, MutableSequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from ..domain.model import GenericModel, Message
from ..exceptions import ConfigurationError, InvalidMessageError

# As text, because pydantic would make a class of it.
TModel_contra = TypeVar("TModel_contra", bound="GenericModel[Any]", contravariant=True)

NO_MESSAGES: Iterator[Message[Any]] = iter(())
"""What is taken when nothing was raised."""


class _Changes:
    """Tells those who keep what repositories have seen when to look again."""

    def __init__(self) -> None:
        self.last = object()


CHANGES = _Changes()


class Seeing(Generic[TModel_contra]):
    """What keeps the models that it has seen, and knows whether they can have become more.

    As long as nobody has got the list, nobody can have put anything into it: a unit of work
    need not ask all its repositories after each handler.
    """

    # Subclasses may have a *seen* of their own, and keep it as *_seen*.
    _messagebus_seen: MutableSequence[TModel_contra]
    _messagebus_used: bool

    def __init__(self) -> None:
        self.seen = []
        self._messagebus_used = False

    @property
    def seen(self) -> MutableSequence[TModel_contra]:
        """Models to look at for new messages; the unit of work empties it as it looks."""
        models = self._messagebus_seen
        if not self._messagebus_used:
            self._messagebus_used = True
            CHANGES.last = object()
        return models

    @seen.setter
    def seen(self, models: MutableSequence[TModel_contra]) -> None:
        is_other = hasattr(self, "_messagebus_seen")
        self._messagebus_seen = models
        self._messagebus_used = True
        if is_other:
            CHANGES.last = object()


class _Asked:
    """What a repository has seen that has a *seen* of its own: it is asked each time."""

    _messagebus_used = True

    def __init__(self, repository: Seeing[Any]) -> None:
        if not hasattr(repository, "seen"):
            text = f"{type(repository).__qualname__} has no attribute 'seen'"
            error = ConfigurationError(text)
            error.add_note("Call super().__init__() in its constructor.")
            raise error
        self._repository = repository

    def __len__(self) -> int:
        return len(self._repository.seen)

    def __iter__(self) -> Iterator[GenericModel[Any]]:
        return iter(self._repository.seen)

    def clear(self) -> None:
        self._repository.seen.clear()

    @property
    def _messagebus_seen(self) -> _Asked:
        return self


Seen = MutableSequence[Any] | _Asked
"""What one repository has seen."""

Source = Seeing[Any] | _Asked
"""Where to look for what one repository has seen."""


def sources_among(values: Iterable[object]) -> list[Source]:
    """Return where to look for what the repositories among some values have seen.

    Raises:
        ConfigurationError: a repository has nothing to see with.
    """
    return [
        each if hasattr(each, "_messagebus_seen") else _Asked(each)
        for each in values
        if isinstance(each, Seeing)
    ]


def seen_by(sources: Iterable[Source]) -> list[Seen]:
    """Return what may have become more, to be kept until the last change is another one."""
    return [each._messagebus_seen for each in sources if each._messagebus_used]


def take_messages(seen: Iterable[Seen]) -> Iterator[Message[Any]]:
    """Take what models have raised off them, and forget the models.

    Returns:
        The messages in the order they were raised: those of one model as they stand in its
        list, those of several models by the order in which they were made.
    """
    batches: list[list[Message[Any]]] = []
    for models in seen:
        if models:
            for model in models:
                if model.messages:
                    batches.append(list(model.messages))
                    model.messages.clear()
            models.clear()
    if not batches:
        return NO_MESSAGES
    if len(batches) == 1:
        return iter(batches[0])
    return heapq.merge(*batches, key=_raised_first)


def _raised_first(message: Message[Any]) -> UUID:
    if not isinstance(message, Message):
        raise InvalidMessageError(message)
    return message.message_id

"""What repositories have seen: models that may have raised messages."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar
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


class _Models:
    """The models that a repository has seen; copies of the repository that share them share it."""

    def __init__(self, models: MutableSequence[Any], *, used: bool) -> None:
        self.models = models
        # Whether there may be any, and whether all units of work know it. A thread that has not
        # told them yet does not keep another one from doing so.
        self.used = self.told = used


class _Seen:
    """The attribute *seen* of repositories.

    It behaves as one that only their constructor sets: their classes do not have it, or it were
    the default of a dataclass with such a field, and no *__setattr__* or *__getattr__* of theirs
    comes to know what it keeps.
    """

    def __get__(self, repository: Any, owner: object = None) -> Any:
        if repository is None:
            text = "seen"
            raise AttributeError(text)
        try:
            kept = repository._messagebus_seen
        except AttributeError:
            if "seen" in vars(repository):
                return vars(repository)["seen"]
            text = f"{type(repository).__qualname__!r} object has no attribute 'seen'"
            raise AttributeError(text, name="seen", obj=repository) from None
        if not kept.told:
            kept.used = True
            CHANGES.last = object()
            kept.told = True
        return kept.models

    def __set__(self, repository: Any, models: Any) -> None:
        is_other = "_messagebus_seen" in vars(repository)
        vars(repository)["_messagebus_seen"] = _Models(models, used=True)
        if is_other:
            CHANGES.last = object()

    def __delete__(self, repository: Any) -> None:
        if vars(repository).pop("_messagebus_seen", None) is None:
            text = "seen"
            raise AttributeError(text, name="seen", obj=repository)
        CHANGES.last = object()


class Seeing(Generic[TModel_contra]):
    """What keeps the models that it has seen, and knows whether they can have become more.

    As long as nobody has got the list, nobody can have put anything into it: a unit of work
    need not ask all its repositories after each handler.
    """

    # Subclasses may have a *seen* of their own, and keep it as *_seen*.
    _messagebus_seen: _Models

    if TYPE_CHECKING:
        seen: MutableSequence[TModel_contra]
        """Models to look at for new messages; the unit of work empties it as it looks."""
    else:
        seen = _Seen()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        owners = [base for base in cls.__mro__ if "seen" in vars(base)]
        if owners[0] is Seeing and len(owners) > 1:
            cls.seen = vars(owners[1])["seen"]

    def __init__(self) -> None:
        self.seen = []
        if "_messagebus_seen" in vars(self):
            kept = self._messagebus_seen
            kept.used = kept.told = False


class _Asked:
    """What a repository has seen that has a *seen* of its own: it is asked each time."""

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
        each if "_messagebus_seen" in vars(each) else _Asked(each)
        for each in values
        if isinstance(each, Seeing)
    ]


def seen_by(sources: Iterable[Source]) -> list[Seen]:
    """Return what may have become more, to be kept until the last change is another one."""
    found: list[Seen] = []
    for each in sources:
        if isinstance(each, _Asked):
            found.append(each)
        elif each._messagebus_seen.used:
            found.append(each._messagebus_seen.models)
    return found


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

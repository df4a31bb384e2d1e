"""What repositories have seen: models that may have raised messages."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
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

# Where it is kept: subclasses may have a *seen* of their own, and keep it as *_seen*.
_KEY = "_messagebus_seen"


class _Models(list[Any]):
    """The list that a repository begins with; copies of the repository share it."""

    # Whether there may be any, and whether all units of work know it: a thread that has not told
    # them yet does not keep another one from doing so.
    used = told = False


class _Absent:
    """Keeps a class from having the attribute *seen*, which its instances may have."""

    def __get__(self, repository: object, owner: object = None) -> Any:
        text = "no attribute 'seen'"
        raise AttributeError(text, name="seen", obj=repository)


def _get(repository: Any) -> Any:
    try:
        models = repository._messagebus_seen
    except AttributeError:
        if "seen" in vars(repository):
            return vars(repository)["seen"]
        text = f"{type(repository).__qualname__!r} object has no attribute 'seen'"
        raise AttributeError(text, name="seen", obj=repository) from None
    if type(models) is _Models and not models.told:
        models.used = True
        CHANGES.last = object()
        models.told = True
    return models


def _set(repository: Any, models: Any) -> None:
    # Past a *__setattr__* that does not know the name.
    repository.__dict__[_KEY] = models
    CHANGES.last = object()


def _delete(repository: Any) -> None:
    if repository.__dict__.pop(_KEY, None) is None:
        text = "no attribute 'seen'"
        raise AttributeError(text, name="seen", obj=repository)
    CHANGES.last = object()


class Seeing(Generic[TModel_contra]):
    """What keeps the models that it has seen, and knows whether they can have become more.

    As long as nobody has got the list, nobody can have put anything into it: a unit of work
    need not ask all its repositories after each handler. Otherwise *seen* behaves as an attribute
    that only the constructor sets, and a subclass may have it in a way of its own.
    """

    if TYPE_CHECKING:
        seen: MutableSequence[TModel_contra]
        """Models to look at for new messages; the unit of work empties it as it looks."""
    else:
        seen = property(_get, _set, _delete)

    _has_seen_of_its_own: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "seen" in vars(cls).get("__annotations__", ()) and "seen" not in vars(cls):
            # What the base class has would be the default of a field of a dataclass.
            cls.seen = _Absent()  # type: ignore[assignment]
        owners = [base for base in cls.__mro__ if "seen" in vars(base)]
        if owners[0] is Seeing and len(owners) > 1:
            cls.seen = vars(owners[1])["seen"]
        cls._has_seen_of_its_own = len(owners) > 1

    def __init__(self) -> None:
        if self._has_seen_of_its_own:
            self.seen = []
        else:
            self.__dict__[_KEY] = _Models()


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
        each if _KEY in vars(each) else _Asked(each) for each in values if isinstance(each, Seeing)
    ]


def seen_by(sources: Iterable[Source]) -> list[Seen]:
    """Return what may have become more, to be kept until the last change is another one."""
    found = [each if isinstance(each, _Asked) else vars(each).get(_KEY, ()) for each in sources]
    return [each for each in found if type(each) is not _Models or each.used]


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

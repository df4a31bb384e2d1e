"""Strategies of Hypothesis that make up messages of any class.

Needs the extra `testing`.
"""

from __future__ import annotations

import dataclasses
from collections import abc, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeVar, get_type_hints, is_typeddict

from pydantic import AliasChoices, BaseModel, TypeAdapter, ValidationError

from .._introspection.generics import UNIONS, split, unalias, variants
from ..domain.model import GenericModel, Message
from ..domain.model.class_schema import BY_NAME
from ..domain.model.envelope import ENVELOPE
from ..exceptions import ConfigurationError, MissingExtraError

try:
    from hypothesis import reject
    from hypothesis import strategies as st
except ImportError as _error:
    raise MissingExtraError(__name__, "testing") from _error

from ._values import ANYTHING, OF_TYPE, Bounds, Strategy, bounds_in, sizes_of

TModel = TypeVar("TModel", bound=BaseModel)

Inside = tuple[type, ...]
"""The classes whose fields are looked at, the outermost first."""

_DEEPEST = 2
_SEQUENCES = (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_LISTS: dict[Any, Callable[..., Strategy]] = {
    **dict.fromkeys(_SEQUENCES, st.lists),
    **dict.fromkeys((set, abc.Set, abc.MutableSet), st.sets),
    deque: lambda items, **sizes: st.lists(items, **sizes).map(deque),
    frozenset: st.frozensets,
}
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


def messages(cls: type[TModel], **fields: Strategy) -> st.SearchStrategy[TModel]:
    """Return a strategy that makes up messages of a class, or any other models of pydantic.

    Every field gets a value that the class accepts: within its bounds, of nested models, of each
    member of a union, with a time zone. Identifier, time and metadata are those of any new message.

    Args:
        cls: the class.
        fields: strategies for fields that shall have other values.

    Raises:
        ConfigurationError: the class has no such field, or nothing is known about the type of one
            that it requires.
    """
    if unknown := sorted(fields.keys() - cls.model_fields.keys()):
        text = f"{cls.__qualname__} has no field {', '.join(unknown)}"
        raise ConfigurationError(text, advice=f"Its fields are {', '.join(cls.model_fields)}.")
    try:
        return _built(cls, fields, ())
    except _UnknownTypeError as error:
        text = f"Nothing is known about values of {' in '.join(reversed(error.path))}: {error}"
        advice = f"Pass a strategy for the field: messages({cls.__qualname__}, ...=...)."
        raise ConfigurationError(text, advice=advice) from error


def _built(cls: type[BaseModel], given: Mapping[str, Strategy], inside: Inside) -> Strategy:
    if inside.count(cls) == _DEEPEST:
        raise _TooDeepError(cls)
    hidden = ENVELOPE if issubclass(cls, Message) else frozenset[str]()
    hidden |= {"messages"} if issubclass(cls, GenericModel) else frozenset[str]()
    values: dict[str, Strategy] = {}
    for name, field in cls.model_fields.items():
        key = field.validation_alias
        if isinstance(key, AliasChoices):
            key = next((each for each in key.choices if isinstance(each, str)), None)
        key = key if isinstance(key, str) else name
        if name in given:
            values[key] = given[name]
        elif name not in hidden:
            try:
                values[key] = _strategy(field.annotation, field.metadata, (*inside, cls))
            except _UnknownTypeError as error:
                if field.is_required():
                    error.path.insert(0, f"{cls.__qualname__}.{name}")
                    raise
    return st.fixed_dictionaries(values).map(partial(_validated, cls))


def _validated(cls: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return cls.model_validate(values, **BY_NAME)
    except ValidationError:
        reject()  # the values do not fit together


class _UnknownTypeError(Exception):
    """No strategy is known for a type.

    Attributes:
        path: the fields in which it occurs, the outermost first.
    """

    def __init__(self, annotation: Any) -> None:
        super().__init__(annotation)
        self.path: list[str] = []


class _TooDeepError(_UnknownTypeError):
    """A model holds another one of its class, which holds another one, and so on."""


def _strategy(annotation: Any, metadata: Iterable[Any], inside: Inside) -> Strategy:
    """Return a strategy for the values that an annotation and its constraints accept.

    Raises:
        _UnknownTypeError: there is none.
    """
    metadata = [*metadata]
    bare = unalias(annotation)
    while hasattr(bare, "__metadata__"):
        metadata = [*bare.__metadata__, *metadata]
        bare = unalias(bare.__origin__)
    origin, args = split(bare)
    if origin in UNIONS:
        members = [(each, () if each is type(None) else metadata) for each in args]
        return st.one_of(*_but_the_deepest(partial(_strategy, *each, inside) for each in members))
    bounds = bounds_in(metadata)
    found = _of_type(bare, origin, args, bounds, inside)
    if not metadata:
        return found
    constrained: Any = Annotated[bare, *metadata]
    return found.filter(partial(_accepts, TypeAdapter(constrained)))


def _accepts(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def _of_type(
    annotation: Any, origin: Any, args: tuple[Any, ...], bounds: Bounds, inside: Inside
) -> Strategy:
    def strategy(annotation: Any) -> Strategy:
        return _strategy(annotation, (), inside)

    if isinstance(annotation, TypeVar):
        return st.one_of(*map(strategy, variants(annotation)))
    if origin is Literal:
        return st.sampled_from(args)
    is_list = origin in _LISTS or (origin is tuple and args[1:] == (Ellipsis,))
    if is_list or origin in _MAPPINGS:
        make: Callable[..., Strategy] = _LISTS.get(origin, _tuples) if is_list else st.dictionaries
        items = args[:1] if is_list else args
        nothing = [st.nothing()] * (1 if is_list else 2)
        try:
            held = list(map(strategy, items)) or [ANYTHING if is_list else st.text(), ANYTHING]
            return make(*held[: len(nothing)], **sizes_of(bounds))
        except _TooDeepError:
            if bounds.get("min_length"):
                raise
            return make(*nothing, max_size=0)
    if origin is tuple and not hasattr(annotation, "_fields"):
        return st.tuples(*map(strategy, args))
    if annotation in OF_TYPE:
        return OF_TYPE[annotation](bounds)
    if isinstance(annotation, type):
        return _of_class(annotation, inside)
    return _from_type(annotation)


def _tuples(items: Strategy, **sizes: Any) -> Strategy:
    return st.lists(items, **sizes).map(tuple)


def _but_the_deepest(makers: Iterable[Callable[[], Strategy]]) -> list[Strategy]:
    """Return the strategies for the members of a union that end somewhere.

    Raises:
        _TooDeepError: none does.
    """
    found: list[Strategy] = []
    deepest: _TooDeepError | None = None
    for make in makers:
        try:
            found.append(make())
        except _TooDeepError as error:
            deepest = error
    if deepest is not None and not found:
        raise deepest
    return found


def _of_class(cls: Any, inside: Inside) -> Strategy:
    if issubclass(cls, BaseModel):
        return _built(cls, {}, inside)
    is_typed = is_typeddict(cls)
    if not (is_typed or dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")):
        return _from_type(cls)
    if inside.count(cls) == _DEEPEST:
        raise _TooDeepError(cls)
    hints = get_type_hints(cls, include_extras=True)
    strategies = {name: _strategy(hint, (), (*inside, cls)) for name, hint in hints.items()}
    if is_typed:
        required = {name: strategies[name] for name in cls.__required_keys__}
        optional = {name: strategies[name] for name in cls.__optional_keys__}
        return st.fixed_dictionaries(required, optional=optional)
    if dataclasses.is_dataclass(cls):
        names = [each.name for each in dataclasses.fields(cls) if each.init]
    else:
        names = list(cls._fields)
    return st.builds(cls, **{name: strategies[name] for name in names})


def _from_type(annotation: Any) -> Strategy:
    try:
        found: Strategy = st.from_type(annotation)
        found.validate()
    except Exception as error:
        raise _UnknownTypeError(annotation) from error
    return found

"""A dependency that is declared is filled or refused, wherever and however it is declared."""

from __future__ import annotations

import functools
import sys
import textwrap
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, NewType, Optional, Self, TypeVar, Union
from unittest.mock import Mock

import fastapi
import pytest
from pydantic import Field
from typing_extensions import TypeAliasType

from messagebus import (
    AnnotationError,
    AsyncMessageBus,
    ConfigurationError,
    Depends,
    ParameterError,
)
from messagebus.depends import Dependency, Provider, inject
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber
from tests._async.fakes import AsyncLibrary
from tests.library import Shelve

if TYPE_CHECKING:
    from decimal import Decimal

    Hidden = Annotated[str, Depends(str)]

Place = Callable[..., Any]

T = TypeVar("T")


def someone() -> str:
    """Return the value of the dependency."""
    return "someone"


def class_name(value: object) -> str:
    """Return the name of the class of a value."""
    return type(value).__name__


def declare(function: Any, annotation: Any, default: Any) -> Any:
    """Declare the parameter *user* of a function with a default."""
    function.__annotations__["user"] = annotation
    if function.__kwdefaults__:
        function.__kwdefaults__["user"] = default
    else:
        function.__defaults__ = (default,)
    return function


async def in_a_service(annotation: Any, default: Any = None) -> Any:
    """Return what an action gets."""

    async def tell(user: Any = None) -> Any:
        return user

    service = Service()
    service.handler(declare(tell, annotation, default))
    return await service.execute("tell")


async def in_an_injected_function(annotation: Any, default: Any = None) -> Any:
    """Return what a function gets that is called directly."""

    async def tell(*, user: Any = None) -> Any:
        return user

    return await inject(declare(tell, annotation, default))()


async def in_a_consumer(annotation: Any, default: Any = None) -> Any:
    """Return what a handler gets."""
    heard = []

    async def hear(event: str, user: Any = None) -> None:
        heard.append(user)

    consumer = Consumer()
    consumer.handler(declare(hear, annotation, default))
    await consumer.consume("event")
    return heard[0]


async def in_a_subscriber(annotation: Any, default: Any = None) -> Any:
    """Return what a handler of a topic gets."""
    heard = []

    async def hear(message: str, *, user: Any = None) -> None:
        heard.append(user)

    subscriber = Subscriber()
    subscriber.subscribe("topic")(declare(hear, annotation, default))
    await subscriber.receive("message", "topic")
    return heard[0]


async def in_a_listener(annotation: Any, default: Any = None) -> Any:
    """Return what a listener of a bus gets."""

    async def shelve(command: Shelve, uow: AsyncLibrary, user: Any = None) -> Any:
        return user

    bus: AsyncMessageBus[Any] = AsyncMessageBus()
    bus.add_listener(Shelve, declare(shelve, annotation, default))
    async with AsyncLibrary() as transaction:
        result = await bus.handle(Shelve(), transaction)
        await transaction.commit()
    return result


async def in_a_dependency(annotation: Any, default: Any = None) -> Any:
    """Return what a dependency gets."""

    def get(user: Any = None) -> Any:
        return user

    declare(get, annotation, default)

    async def tell(value: Any = Depends(get)) -> Any:
        return value

    service = Service()
    service.handler(tell)
    return await service.execute("tell")


async def in_an_override(annotation: Any, default: Any = None) -> Any:
    """Return what the implementation of a dependency gets."""

    def get(user: Any = None) -> Any:
        return user

    async def tell(value: Any = Depends(list)) -> Any:
        return value

    service = Service()
    service.handler(tell)
    with service.override(list, declare(get, annotation, default)):
        return await service.execute("tell")


async def in_a_callable_object(annotation: Any, default: Any = None) -> Any:
    """Return what the call of an object gets, which is wrapped in a partial."""

    class Get:
        def __call__(self, user: Any = None) -> Any:
            return user

    declare(Get.__call__, annotation, default)
    return await in_a_service(Annotated[Any, Depends(functools.partial(Get()))])


PLACES: list[Place] = [
    in_a_service,
    in_an_injected_function,
    in_a_consumer,
    in_a_subscriber,
    in_a_listener,
    in_a_dependency,
    in_an_override,
    in_a_callable_object,
]

places = pytest.mark.parametrize("place", PLACES)

Marked = Annotated[str, Depends(someone)]
Inject = Annotated[T, Depends(someone)]
TYPES: Any = (T,)
Alias: Any = TypeAliasType("Alias", Annotated[str, Depends(someone)])
Wanted: Any = TypeAliasType("Wanted", Annotated[T, Depends(someone)], type_params=TYPES)
Maybe: Any = TypeAliasType("Maybe", Optional[T], type_params=TYPES)  # noqa: UP045 - on 3.11
ITSELF: Any = "Json"
Json: Any = TypeAliasType("Json", dict[str, ITSELF])
New = NewType("New", Marked)


class Made(str):
    """A class that can be created without arguments."""

    __slots__ = ()

    def __new__(cls) -> Self:
        return super().__new__(cls, "someone")


READABLE = [
    "Annotated[Decimal, Depends(someone)]",
    "Annotated[Decimal | None, 'extra', Depends(someone)]",
    "Annotated[list[Decimal], Depends(someone), 'extra']",
    "Inject[Decimal]",
    Annotated["Decimal", Depends(someone)],
    "Annotated['Decimal', Depends(someone)]",
    "'Annotated[Decimal, Depends(someone)]'",
    "Marked | None",
    "Optional[Marked]",
    Union[None, int, Marked],  # noqa: UP007 - the old spelling
    Optional["Marked"],
    Inject[int],
    Alias,
    Alias | None,
    Wanted[int],
    Optional[Wanted[int]],  # noqa: UP045
    Maybe[Marked],
    Maybe[Wanted[int]],
    New,
    Annotated[Marked, "extra"],
    Annotated[Annotated[Alias, "extra"] | None, "extra"],
    InitVar[Marked],
    Annotated[Made, Depends()],
    "Annotated[Made, Depends()] | None",
    Annotated[Wanted["Unknown"], "extra"],  # noqa: F821
]


@places
@pytest.mark.parametrize("annotation", READABLE, ids=str)
async def test_a_declared_dependency_is_found(place: Place, annotation: Any) -> None:
    """Its type may be unknown, and it may stand in unions and aliases."""
    assert "someone" == await place(annotation, None)


UNREADABLE = [
    "Hidden",
    "Hidden | None",
    "Decimal",
    "Annotated[str, Unknown(someone)]",
    "Annotated[str, Depends(unknown)]",
    "Annotated[Decimal, Depends(functools.partial(str, unknown))]",
    "Annotated[Decimal, Depends()]",
    "dict[Decimal, Marked]",
    "Annotated[str, Depends(someone)",
    "Annotated[Decimal, Depends(3)]",
    "Annotated[Annotated[Decimal, Depends(someone)], 'extra']",
    TypeAliasType("Late", "Annotated[str, Depends(someone)]"),
]


@places
@pytest.mark.parametrize("annotation", UNREADABLE, ids=str)
async def test_what_cannot_be_read_is_refused(place: Place, annotation: Any) -> None:
    """It may declare a dependency, so a default does not help; the error says what is unknown."""
    with pytest.raises(
        AnnotationError, match=r"parameter 'user' of .* cannot be resolved: ."
    ) as it:
        await place(annotation, None)

    assert ("user", annotation) == (it.value.parameter, it.value.annotation)


MISPLACED = [
    list[Marked],
    "dict[str, list[Marked]] | None",
    type[Marked],
    Callable[[Marked], None],
    Annotated[list[Marked], "extra"],
    Maybe[list[Marked]],
    Annotated[str, [Depends(someone)]],
    Depends(someone),
    list[Depends(someone)],  # type: ignore[misc]
    Annotated[Marked | None, Depends(someone)],
    Annotated[str, Depends(someone), Depends(someone)],
    Marked | Annotated[int, Depends(someone)],
]


@places
@pytest.mark.parametrize("annotation", MISPLACED, ids=str)
async def test_a_dependency_that_cannot_work_is_refused(place: Place, annotation: Any) -> None:
    """One for a part of the value fills nothing, and of two only one can."""
    with pytest.raises(AnnotationError, match=r"parameter 'user' of .*[Dd]epend") as raised:
        await place(annotation, None)

    assert "Annotated[T, Depends(...)]" in raised.value.__notes__[-1]


@places
@pytest.mark.parametrize(
    ("annotation", "default"),
    [(Annotated[str, Depends], None), (Depends, None), (str, Depends), (str, Dependency)],
)
async def test_a_declaration_must_be_called(place: Place, annotation: Any, default: Any) -> None:
    """Without brackets it declares nothing."""
    with pytest.raises(ParameterError, match=r"'user' of .* not called"):
        await place(annotation, default)


@places
@pytest.mark.parametrize(
    "annotation",
    [Optional[Made], Union[Made, str], Any, "Made | None", None],  # noqa: UP007, UP045
)
async def test_a_dependency_without_a_callable_needs_a_class(place: Place, annotation: Any) -> None:
    """A union or Any has no instances of its own."""
    with pytest.raises(ParameterError, match=r"'user' of .* is not callable"):
        await place(annotation, Depends())


@places
@pytest.mark.parametrize("annotation", [Json, dict[str, Json], "list[int] | None", None])
async def test_other_annotations_declare_nothing(place: Place, annotation: Any) -> None:
    """Even one that refers to itself."""
    assert "default" == await place(annotation, "default")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is newer")
async def test_aliases_and_type_parameters_in_brackets_are_read() -> None:
    """PEP 695: an alias may be generic, recursive, or unreadable."""
    names: dict[str, Any] = dict(globals())
    exec(  # noqa: S102
        "type Asked[V] = Annotated[V, Depends(someone)]\n"
        "type Chain[V] = list[Chain[V]] | None\n"
        "type Broken = Annotated[Missing, Depends(someone)]\n"
        "def tell[V](user: Asked[V] = None, other: Chain[V] = None): return user, other\n"
        "def fail(user: Broken = None): ...\n",
        names,
    )

    assert ("someone", None) == inject(names["tell"])()
    with pytest.raises(AnnotationError, match=r"'user' of fail .*'Missing'"):
        inject(names["fail"])


@pytest.mark.skipif(sys.version_info < (3, 14), reason="earlier, they are evaluated at once")
async def test_annotations_that_are_evaluated_late_are_read() -> None:
    """PEP 649: a name that is imported for type checkers only hides no dependency."""
    names: dict[str, Any] = dict(globals())
    source = textwrap.dedent("""
        def tell(user: Annotated[Decimal, Depends(someone)] = None, *rest: Decimal): return user
        def fail(user: Hidden = None, other: Annotated[Decimal, Depends(someone)] = None): ...
        @functools.wraps(tell)
        def wrapper(*args, **kwargs): return tell(*args, **kwargs)
    """)
    exec(compile(source, "<late>", "exec", dont_inherit=True), names)  # noqa: S102

    assert "someone" == inject(names["tell"])() == inject(names["wrapper"])()
    with pytest.raises(AnnotationError, match=r"'user' of fail .*'Hidden'"):
        inject(names["fail"])


async def test_a_field_of_a_class_is_a_parameter() -> None:
    """A dataclass has one for each field."""

    @dataclass
    class Query:
        decimal: Annotated[Decimal, Depends(someone)]
        user: Annotated[str, Depends(someone)] | None = None

    query = await in_a_service(Annotated[Any, Depends(Query)])
    assert ("someone", "someone") == (query.decimal, query.user)


@pytest.mark.parametrize("marked", [Marked, Annotated["Decimal", Depends(someone)], "Marked"])
async def test_arguments_that_every_call_passes_cannot_be_declared(marked: Any) -> None:
    """The message and the unit of work are passed, so the dependency would never be used."""

    async def listen(command: Shelve, uow: Any) -> None: ...

    async def hear(event: Any) -> None: ...

    async def receive(message: Any = Depends(someone)) -> None: ...

    listen.__annotations__["uow"] = hear.__annotations__["event"] = marked
    with pytest.raises(ParameterError, match=r"'uow' of .* every call passes"):
        AsyncMessageBus[Any]().add_listener(Shelve, listen)
    with pytest.raises(ParameterError, match=r"'event' of .* every call passes"):
        Consumer().register(str, hear)
    with pytest.raises(ParameterError, match=r"'message' of .* every call passes"):
        Subscriber().register("topic", receive)


async def test_collected_arguments_cannot_be_declared() -> None:
    """They are no single value."""

    async def tell(*args: Marked) -> None: ...

    async def show(**kwargs: Marked) -> None: ...

    for function in (tell, show):
        with pytest.raises(ParameterError, match=r"args' of .* collects arguments"):
            inject(function)


async def test_a_decorator_cannot_hide_a_dependency() -> None:
    """What is not in the signature of a wrapper is never filled."""

    async def tell(name: str = "name", **more: Any) -> Any:
        return name, more

    @functools.wraps(tell)
    async def guarded(*args: Any, user: str = Depends(someone), **kwargs: Any) -> Any:
        return user, await tell(*args, **kwargs)

    @functools.wraps(tell)
    async def foreign(*args: Any, user: str = fastapi.Depends(someone), **kwargs: Any) -> Any:
        return user, await tell(*args, **kwargs)

    for hiding in (
        guarded,
        foreign,
        functools.partial(tell, user=Depends(someone)),
        functools.partial(tell, Depends(someone)),
    ):
        with pytest.raises(ParameterError, match="not in the signature"):
            inject(hiding)
    assert "someone" == (await inject(functools.partial(tell, name=Depends(someone)))())[0]


async def test_a_listener_sees_the_local_names_of_its_function(
    bus: AsyncMessageBus[Any],
) -> None:
    """As a handler of a consumer does; so do its dependencies."""

    class User(str):  # noqa: SLOT000 - a short one
        ...

    def current(name: Annotated[str, Depends(someone)]) -> User:
        return User(name)

    def check(user: Annotated[User, Depends(current)]) -> User:
        return user

    async def shelve(
        command: Shelve, uow: AsyncLibrary, user: Annotated[User, Depends(check)] | None = None
    ) -> Any:
        return user

    bus.add_listener(Shelve, shelve)
    async with AsyncLibrary() as transaction:
        assert User("someone") == await bus.handle(Shelve(), transaction)
        await transaction.commit()


class FromDishka:
    """A look-alike of a marker, by its name."""


class LookAlike:
    """A look-alike of a marker, by its attribute."""

    def __init__(self) -> None:
        self.dependency = someone


class Closing(FromDishka):
    """A look-alike of a marker, by its base."""


FOREIGN = [
    fastapi.Depends(someone),
    fastapi.Security(someone),
    FromDishka(),
    Closing(),
    LookAlike(),
]


@pytest.mark.parametrize("place", [each for each in PLACES if each is not in_an_injected_function])
@pytest.mark.parametrize("marker", FOREIGN, ids=class_name)
async def test_the_marker_of_another_framework_is_refused(place: Place, marker: Any) -> None:
    """Nothing here fills it; the error names its class."""
    name = getattr(marker, "__qualname__", type(marker).__qualname__)
    for annotation, default in (str, marker), (Annotated[str, marker], None):
        with pytest.raises(ParameterError, match=f"'user' of .* another framework: .*{name}"):
            await place(annotation, default)


@places
async def test_the_field_of_a_request_is_refused_as_a_default(place: Place) -> None:
    """In an annotation it describes the value, and a plain field does everywhere."""
    if place is not in_an_injected_function:
        with pytest.raises(ParameterError, match=r"'user' of .* framework: fastapi\.params\.Query"):
            await place(str, fastapi.Query())
    assert "default" == await place(Annotated[str, fastapi.Query(), Field()], "default")


@pytest.mark.parametrize(
    "value", [Provider(), Path(), Mock(), Field(), SimpleNamespace()], ids=class_name
)
async def test_other_objects_are_ordinary_defaults(value: Any) -> None:
    """Whatever they resemble."""
    assert value is await in_a_service(Any, value)


@places
async def test_a_parameter_may_be_declared_for_two_frameworks(place: Place) -> None:
    """Each looks for its own marker."""
    both = Annotated[str, Depends(someone), fastapi.Depends(someone)]

    assert "someone" == await place(both, None)


async def test_another_framework_may_call_an_injected_function() -> None:
    """It fills what it has declared."""

    async def endpoint(
        query: Annotated[str, fastapi.Depends(someone)], user: str = Depends(someone)
    ) -> tuple[str, str]:
        return query, user

    assert ("query", "someone") == await inject(endpoint)("query")


@pytest.mark.parametrize(
    "declared", [Marked, Annotated[str, fastapi.Depends(someone)], "Decimal", "Marked"]
)
async def test_a_named_factory_cannot_declare_dependencies(declared: Any) -> None:
    """The bus calls it without arguments."""

    def factory(user: Any = None) -> Any:
        return user

    factory.__annotations__["user"] = declared
    with pytest.raises(ConfigurationError, match="'user'"):
        AsyncMessageBus[Any](notifier=factory)

"""The dependencies of handlers: their kinds, their declarations, and their reuse."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest
from typing_extensions import TypeAliasType

from messagebus import (
    Depends,
    ParameterError,
)
from messagebus.depends import inject
from messagebus.facade._async.service import Service
from tests.dependencies import MAKERS, Log, Maker, chain


async def value_of(dependency: Any, service: Service | None = None) -> Any:
    """Return the value that a handler gets for a dependency."""

    @inject(provider=None if service is None else service.provider)
    async def handle(value: Any = Depends(dependency)) -> Any:
        return value

    return await handle()


@pytest.mark.parametrize("maker", MAKERS)
async def test_every_kind_of_dependency_provides_its_value(maker: Maker) -> None:
    """Functions, classes, callable objects and generators of either colour are dependencies."""
    assert "321" == await value_of(chain(maker, 3).last)


@pytest.mark.parametrize("maker", MAKERS)
async def test_every_kind_may_be_decorated_or_partial(maker: Maker) -> None:
    """The kind is that of the wrapped callable."""
    dependency = chain(maker, 2).last

    def passing_on(*args: Any, **kwargs: Any) -> Any:
        return dependency(*args, **kwargs)

    functools.update_wrapper(passing_on, dependency, updated=())

    assert "21" == await value_of(functools.partial(dependency))
    assert "21" == await value_of(passing_on)


async def test_methods_of_every_kind_are_dependencies() -> None:
    """So are bound methods, class methods and static methods, generators included."""

    class Shop:
        def __init__(self, name: str = "shop") -> None:
            self.name = name

        def method(self) -> str:
            return self.name

        async def waiting(self) -> str:
            return self.name

        async def generator(self) -> AsyncIterator[str]:
            yield self.name

        @classmethod
        def made(cls) -> Any:
            return cls("class").name

        @staticmethod
        def free() -> str:
            return "free"

    shop = Shop()
    for dependency in (shop.method, shop.waiting, shop.generator):
        assert "shop" == await value_of(dependency)
    assert "class" == await value_of(Shop.made)
    assert "free" == await value_of(Shop.free)
    assert "shop" == (await value_of(Shop)).name


@pytest.mark.parametrize("dependency", [dict, list, object, int])
async def test_builtins_are_dependencies(dependency: Any) -> None:
    """A callable without a signature is called without arguments."""
    assert dependency is type(await value_of(dependency))


async def test_a_generator_that_is_a_value_is_not_opened() -> None:
    """A generator or a context manager that a function returns is the value."""

    def numbers() -> Iterator[int]:
        return (number for number in [1, 2, 3])

    @contextmanager
    def managed() -> Iterator[int]:
        yield 1

    assert [1, 2, 3] == list(await value_of(numbers))
    with await value_of(managed) as value:
        assert 1 == value


async def test_a_declaration_can_stand_in_the_annotation() -> None:
    """Annotated works in handlers and dependencies, without a default too."""

    def one() -> int:
        return 1

    def two(one: Annotated[int, "extra", Depends(one)]) -> int:
        return one + 1

    @inject
    async def handle(three: int, two: Annotated[int, Depends(two)]) -> int:
        return three + two

    assert 5 == await handle(3)  # type: ignore[call-arg]


async def test_a_declaration_can_stand_in_an_alias() -> None:
    """An alias of an annotation is as good as the annotation."""
    alias: Any = TypeAliasType("alias", Annotated[int, Depends(lambda: 1)])

    async def handle(one: Any) -> int:
        return int(one)

    handle.__annotations__["one"] = Annotated[alias, "extra"]

    assert 1 == await inject(handle)()  # type: ignore[call-arg]


async def test_a_declaration_in_the_annotation_may_have_a_default_beside_it() -> None:
    """The default is for direct calls without dependencies."""

    async def handle(one: Annotated[int, Depends(lambda: 1)] = 0) -> int:
        return one

    assert 0 == await handle()
    assert 1 == await inject(handle)()


async def test_a_declaration_without_a_callable_calls_the_annotation() -> None:
    """The annotated class is the dependency."""

    class Settings:
        debug = True

    @inject
    async def handle(
        first: Annotated[Settings, Depends()], second: Settings = Depends()
    ) -> tuple[Settings, Settings]:
        return first, second

    first, second = await handle()  # type: ignore[call-arg]
    assert first is second
    assert first.debug


async def test_a_declaration_without_a_callable_or_an_annotation_is_an_error() -> None:
    """There is no callable."""
    with pytest.raises(ParameterError, match="its annotation, which is not callable"):

        @inject
        async def handle(value=Depends()) -> None:  # type: ignore[no-untyped-def]
            ...


async def test_parameters_are_filled_by_position_and_by_name() -> None:
    """Their place in the signature does not matter."""

    def one() -> int:
        return 1

    def dependency(
        first: int = Depends(one),
        /,
        second: int = 2,
        third: int = Depends(one),
        *args: int,
        fourth: int = Depends(one),
        fifth: int = 5,
        **kwargs: int,
    ) -> list[Any]:
        return [first, second, third, *args, fourth, fifth, kwargs]

    assert [1, 2, 1, 1, 5, {}] == await value_of(dependency)


async def test_a_keyword_argument_does_not_hide_a_positional_only_dependency() -> None:
    """A dependency that directly follows the positional arguments is filled by position."""

    @inject
    async def handle(first: int, value: str = Depends(str), /, other: int = 0) -> Any:
        return first, value, other

    assert (1, "", 0) == await handle(1)
    assert (1, "", 2) == await handle(1, other=2)
    assert (1, "given", 2) == await handle(1, "given", other=2)


async def test_a_dependency_is_called_once_in_a_call() -> None:
    """It is shared at any depth; the next call calls it again."""
    calls: Log = []

    async def shared() -> object:
        calls.append("shared")
        return object()

    def left(value: object = Depends(shared)) -> object:
        return value

    def right(value: object = Depends(shared)) -> object:
        return value

    @inject
    async def handle(
        one: object = Depends(left), two: object = Depends(right), three: object = Depends(shared)
    ) -> bool:
        return one is two is three

    assert await handle()
    assert ["shared"] == calls
    await handle()
    assert 2 == len(calls)


async def test_a_dependency_can_opt_out_of_being_reused() -> None:
    """Without cache it is called for each use; other uses still share a value."""
    calls: Log = []

    def shared() -> object:
        calls.append("shared")
        return object()

    @inject
    async def handle(
        one: object = Depends(shared),
        two: object = Depends(shared, use_cache=False),
        three: object = Depends(shared),
        four: object = Depends(shared, use_cache=False),
    ) -> int:
        assert one is three
        return len({one, two, three, four})

    assert 3 == await handle()
    assert 3 == len(calls)

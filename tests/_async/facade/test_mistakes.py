"""Mistakes in dependencies, reported at registration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from messagebus import (
    ConfigurationError,
    DependencyCycleError,
    Depends,
    ParameterError,
)
from messagebus.depends import inject
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service


async def test_a_parameter_of_a_dependency_that_nothing_fills_is_an_error() -> None:
    """The error is raised at registration, and shows the path to the parameter."""

    def database(url: str) -> str:
        return url

    def repository(database: str = Depends(database)) -> str:
        return database

    with pytest.raises(ParameterError, match=r"'url' of .*database has no default") as raised:

        @inject
        async def handle(repository: str = Depends(repository)) -> None: ...

    assert (database, "url") == (raised.value.listener, raised.value.parameter)
    assert [repository, database] == list(raised.value.path[1:])
    assert "handle -> " in raised.value.__notes__[0]
    assert "repository -> " in raised.value.__notes__[0]


async def test_a_cycle_of_dependencies_is_an_error_that_shows_it() -> None:
    """The error is raised at registration."""

    def first(second: Any = None) -> None: ...

    def second(third: Any = Depends(first)) -> None: ...

    first.__defaults__ = (Depends(second),)

    with pytest.raises(DependencyCycleError) as raised:

        @inject
        async def handle(value: None = Depends(first)) -> None: ...

    assert (first, second, first) == raised.value.cycle
    names = [each.__qualname__ for each in (first, second, first)]
    assert f"The dependencies form a cycle: {' -> '.join(names)}" == str(raised.value)


async def test_an_override_that_makes_a_cycle_is_an_error() -> None:
    """It is refused, and the previous override stays."""
    service = Service()

    def first() -> str:
        return "first"

    def second(value: str = Depends(first)) -> str:
        return f"second {value}"

    @service.handler
    async def act(value: str = Depends(second)) -> str:
        return value

    with pytest.raises(DependencyCycleError):
        service.override(first, second)

    assert {} == dict(service.dependency_overrides)
    assert "second first" == await act()


async def test_an_override_that_cannot_be_filled_is_an_error() -> None:
    """It is refused for all components if it does not fit one."""
    service = Service()

    def declared() -> str:
        return "declared"

    def wrong(url: str) -> str:
        return url

    @service.handler
    async def act(value: str = Depends(declared)) -> str:
        return value

    with pytest.raises(ParameterError, match="'url'"):
        service.override(declared, wrong)

    assert "declared" == await act()


@pytest.mark.parametrize("wrong", [None, 3, "text"])
async def test_a_dependency_must_be_callable(wrong: Any) -> None:
    """So must the key and the value of an override."""
    with pytest.raises(ConfigurationError, match="callable"):
        Depends(wrong)
    with pytest.raises(ConfigurationError, match="is not callable"):
        Service().override(wrong, dict)
    with pytest.raises(ConfigurationError, match="callable"):
        Service().override(dict, wrong)


async def test_an_unknown_scope_is_an_error() -> None:
    """There are two scopes."""
    with pytest.raises(ConfigurationError, match="'call' or 'handle', not 'request'"):
        Depends(dict, scope="request")  # type: ignore[call-overload]


async def test_a_dependency_cannot_need_one_that_lives_shorter() -> None:
    """A dependency with the scope of the handle cannot need one with that of the call."""

    def short() -> str:
        return "short"

    def long(value: str = Depends(short, scope="call")) -> str:
        return value

    def adaptable(value: str = Depends(short)) -> str:
        return value

    with pytest.raises(ConfigurationError, match=r"long outlives its dependency .*short"):

        @inject
        async def wrong(value: str = Depends(long, scope="handle")) -> None: ...

    @inject
    async def right(value: str = Depends(adaptable, scope="handle")) -> str:
        return value

    assert "short" == await right()


async def test_a_positional_only_parameter_must_be_reachable() -> None:
    """Nothing can fill one that follows an unfilled one."""

    def dependency(first: int = 1, second: str = Depends(str), /) -> str:
        return second

    consumer = Consumer()

    with pytest.raises(ParameterError, match=r"'second' of .*dependency is positional-only"):

        @inject
        async def handle(value: str = Depends(dependency)) -> None: ...

    with pytest.raises(ParameterError, match=r"'value' of .*handle_event is positional-only"):

        @consumer.handler
        async def handle_event(
            event: str, other: int = 1, value: str = Depends(str), /
        ) -> None: ...


async def test_a_dependency_cannot_ask_for_anything() -> None:
    """An annotation that accepts every object does not ask for the event."""
    consumer = Consumer()

    def dependency(anything: Any) -> None: ...

    with pytest.raises(ParameterError, match=r"'anything' of .*dependency has no default"):

        @consumer.handler
        async def handle(event: str, value: None = Depends(dependency)) -> None: ...


async def test_a_dependency_that_outlives_the_call_cannot_ask_for_the_event() -> None:
    """A dependency with the scope of the handle is shared by all its events."""
    consumer = Consumer()

    def dependency(event: str) -> str:
        return event

    with pytest.raises(ParameterError, match="requests 'event', which its dependency outlives"):

        @consumer.handler
        async def handle(event: str, value: str = Depends(dependency, scope="handle")) -> None: ...


async def test_a_generator_function_cannot_have_its_parameters_filled() -> None:
    """Its dependencies would be closed before its body runs."""

    def generator(value: str = Depends(str)) -> Iterator[str]:
        yield value

    with pytest.raises(ConfigurationError, match="generator function"):
        inject(generator)

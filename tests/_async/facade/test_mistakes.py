"""What is wrong with dependencies is found when they are registered."""

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
    """The error comes at registration, and shows the way to the parameter."""

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


async def test_dependencies_that_need_each_other_are_an_error_that_shows_the_cycle() -> None:
    """The error comes at registration."""

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
    """What would need itself is refused, and what held before still holds."""
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


async def test_an_override_that_can_not_be_filled_is_an_error() -> None:
    """It is refused for all, if it does not fit one."""
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
async def test_what_can_not_be_called_is_no_dependency(wrong: Any) -> None:
    """Neither to depend on, nor to override, nor to override with."""
    with pytest.raises(ConfigurationError, match="callable"):
        Depends(wrong)
    with pytest.raises(ConfigurationError, match="is not callable"):
        Service().override(wrong, dict)
    with pytest.raises(ConfigurationError, match="callable"):
        Service().override(dict, wrong)


async def test_a_scope_that_does_not_exist_is_an_error() -> None:
    """There are two."""
    with pytest.raises(ConfigurationError, match="'call' or 'handle', not 'request'"):
        Depends(dict, scope="request")  # type: ignore[call-overload]


async def test_what_lives_longer_can_not_need_what_lives_shorter() -> None:
    """A dependency of a handle can not need one that is told to live for a call."""

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


async def test_a_parameter_that_takes_no_name_has_to_be_in_its_place() -> None:
    """Nothing can fill one that stands behind another that is not filled."""

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


async def test_a_dependency_can_not_ask_for_just_anything() -> None:
    """An annotation that would take everything does not ask for the event."""
    consumer = Consumer()

    def dependency(anything: Any) -> None: ...

    with pytest.raises(ParameterError, match=r"'anything' of .*dependency has no default"):

        @consumer.handler
        async def handle(event: str, value: None = Depends(dependency)) -> None: ...


async def test_what_outlives_a_call_can_not_ask_for_its_event() -> None:
    """A dependency of a handle is the same for all events in it."""
    consumer = Consumer()

    def dependency(event: str) -> str:
        return event

    with pytest.raises(ParameterError, match="requests 'event', which its dependency outlives"):

        @consumer.handler
        async def handle(event: str, value: str = Depends(dependency, scope="handle")) -> None: ...


async def test_a_generator_function_can_not_have_its_parameters_filled() -> None:
    """What fills them would be closed before its body runs."""

    def generator(value: str = Depends(str)) -> Iterator[str]:
        yield value

    with pytest.raises(ConfigurationError, match="generator function"):
        inject(generator)

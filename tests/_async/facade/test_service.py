"""Services: functions called by the names of their actions."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from messagebus import ConfigurationError, Depends, MessageBusError, UnknownActionError
from messagebus.facade._async.service import Service


def prefix() -> str:
    """Return the start of a greeting."""
    return "Hello"


@pytest.fixture
def service() -> Service:
    """Return a service with one action."""
    service = Service()

    @service.handler
    async def greet_user(name: str, *, mark: str = "!", word: str = Depends(prefix)) -> str:
        return f"{word} {name}{mark}"

    return service


async def test_an_action_has_the_name_of_its_function(service: Service) -> None:
    """Underscores become hyphens, and the result is returned."""
    assert "Hello Alice!" == await service.execute("greet-user", "Alice")


async def test_arguments_are_passed_on(service: Service) -> None:
    """They may be positional or named; a dependency that is passed is not resolved."""
    assert "Hello Alice?" == await service.execute("greet-user", name="Alice", mark="?")
    assert "Bye Alice!" == await service.execute("greet-user", "Alice", word="Bye")


async def test_the_names_of_actions_can_be_generated_otherwise() -> None:
    """The generator derives them from the names of functions."""
    service = Service(generator=str.upper)

    @service.handler
    async def greet_user() -> str:
        return "done"

    assert "done" == await service.execute("GREET_USER")


async def test_an_unknown_action_is_an_error_that_lists_the_known_ones(service: Service) -> None:
    """It is a KeyError and an error of this package."""

    @service.handler
    async def another() -> None: ...

    with pytest.raises(KeyError) as raised:
        await service.execute("greet_user")

    error = raised.value
    assert isinstance(error, UnknownActionError)
    assert isinstance(error, MessageBusError)
    assert ("greet_user", ("another", "greet-user")) == (error.action, error.known)
    assert "Unknown action 'greet_user'; known actions: 'another', 'greet-user'" == str(error)


async def test_a_second_action_of_one_name_is_an_error(service: Service) -> None:
    """The error names the first."""
    with pytest.raises(
        ConfigurationError, match=r"action 'greet-user' is already registered, for .*greet_user"
    ):

        @service.handler
        async def greet_user() -> None: ...


async def test_a_function_without_a_name_is_no_action(service: Service) -> None:
    """The name of its action cannot be derived."""
    with pytest.raises(ConfigurationError, match="has no __name__"):
        service.handler(functools.partial(prefix))


async def test_a_function_that_is_called_directly_has_its_dependencies() -> None:
    """The decorated function is called without them, as before."""
    service = Service()

    @service.handler
    async def greet(name: str, word: str = Depends(prefix)) -> str:
        return f"{word} {name}"

    assert "Hello Alice" == await greet("Alice")
    assert "Hello Alice" == await greet(name="Alice")
    assert "Bye Alice" == await greet("Alice", "Bye")


async def test_missing_and_surplus_arguments_raise_the_errors_of_the_function() -> None:
    """No dependency is opened for an impossible call."""
    service = Service()
    opened: list[str] = []

    def opening() -> str:
        opened.append("opened")
        return "word"

    @service.handler
    async def greet(name: str, word: str = Depends(opening)) -> str:
        return f"{word} {name}"

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        await service.execute("greet")
    assert [] == opened
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        await service.execute("greet", "Alice", other=1)
    with pytest.raises(TypeError, match="takes from 1 to 2 positional arguments"):
        await service.execute("greet", "Alice", "Hello", 3)


async def test_a_variadic_function_gets_its_arguments() -> None:
    """Its dependencies may stand between or after them."""
    service = Service()

    @service.handler
    async def collect(
        first: int, *rest: int, word: str = Depends(prefix), **others: Any
    ) -> tuple[Any, ...]:
        return first, rest, word, others

    assert (1, (2, 3), "Hello", {}) == await service.execute("collect", 1, 2, 3)
    assert (1, (), "Hello", {"in-valid": 2, "class": 3}) == await service.execute(
        "collect", 1, **{"in-valid": 2, "class": 3}
    )
    for index in range(200):
        others: dict[str, Any] = {f"n{index}": 1}
        assert others == (await collect(1, **others))[3]


async def test_an_action_may_have_an_argument_called_action() -> None:
    """The parameter of `execute` does not reserve the name."""
    service = Service()

    @service.handler
    async def repeat(action: str) -> str:
        return action

    assert "again" == await service.execute("repeat", action="again")


async def test_positional_only_parameters_are_filled() -> None:
    """A positional-only dependency follows the arguments."""
    service = Service()

    @service.handler
    async def greet(name: str, word: str = Depends(prefix), /) -> str:
        return f"{word} {name}"

    assert "Hello Alice" == await service.execute("greet", "Alice")

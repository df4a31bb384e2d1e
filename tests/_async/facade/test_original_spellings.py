"""The facade is spelled as in pymsgbus: providers by position, exports, keywords, handlers."""

from __future__ import annotations

from typing import Any

import pytest

from messagebus import (
    ConfigurationError,
    Dependency,
    Depends,
    Provider,
    UnknownActionError,
    event,
    inject,
)
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber


@event
class BookLent:
    isbn: str


def branch() -> str:
    """Return the branch of the library."""
    return "main branch"


def override(provider: Provider) -> Provider:
    """Let the provider replace the branch."""
    provider.override(branch, lambda: "harbour")
    return provider


async def test_a_component_takes_its_provider_by_position() -> None:
    """Its overrides apply to the handlers."""
    provider = override(Provider())
    consumer, subscriber, service = Consumer(provider), Subscriber(provider), Service(provider)
    heard: list[str] = []

    @consumer.handler
    async def hear(event: BookLent, where: str = Depends(branch)) -> None:
        heard.append(where)

    @subscriber.subscribe("topic")
    async def receive(message: str, where: str = Depends(branch)) -> None:
        heard.append(where)

    @service.handler
    async def tell(where: str = Depends(branch)) -> str:
        return where

    await consumer.consume(BookLent("1"))
    await subscriber.receive("message", "topic")

    assert ["harbour", "harbour", "harbour"] == [*heard, await service.execute("tell")]


async def test_inject_takes_the_provider_by_position() -> None:
    """A provider gives a decorator."""

    @inject(override(Provider()))
    async def tell(where: str = Depends(branch)) -> str:
        return where

    assert "harbour" == await tell()


async def test_inject_takes_the_provider_by_keyword() -> None:
    """So does a provider that is named."""

    @inject(provider=override(Provider()))
    async def tell(where: str = Depends(branch)) -> str:
        return where

    assert "harbour" == await tell()


async def test_inject_decorates_directly() -> None:
    """A function is decorated, with a provider or without."""

    @inject
    async def tell(where: str = Depends(branch)) -> str:
        return where

    assert "main branch" == await tell()
    assert "harbour" == await inject(tell.__wrapped__, provider=override(Provider()))()  # type: ignore[attr-defined]


def test_the_overrides_of_a_provider_can_be_assigned() -> None:
    """They replace those before them, as in a dictionary."""
    provider = override(Provider())
    service = Service(provider)

    @service.handler
    def tell(where: str = Depends(branch)) -> str:
        return where

    overrides = provider.dependency_overrides
    provider.dependency_overrides = {branch: lambda: "archive"}
    assert "archive" == tell()
    provider.dependency_overrides = provider.dependency_overrides
    assert "archive" == tell()
    provider.dependency_overrides = {}
    assert "main branch" == tell()
    assert {} == overrides == service.dependency_overrides


def test_a_provider_that_can_be_called_is_a_provider() -> None:
    """The type decides, not whether it can be called."""

    class CallableProvider(Provider):
        def __call__(self) -> str:
            return "called"

    decorate = inject(override(CallableProvider()))

    @decorate
    def tell(where: str = Depends(branch)) -> str:
        return where

    assert "harbour" == tell()


@pytest.mark.parametrize("thing", [Provider, Provider(), 3, "tell"])
def test_inject_decorates_nothing_else(thing: Any) -> None:
    """A provider is no function, its class is no provider, and a string is neither."""
    with pytest.raises(ConfigurationError):
        inject(thing, provider=Provider())
    with pytest.raises(ConfigurationError):
        inject(Provider())(thing)


@pytest.mark.parametrize("thing", [Provider, dict, branch, {}, 0, "provider"])
def test_a_provider_is_a_provider(thing: Any) -> None:
    """Anything else is refused where it is given, whether it is true or false."""
    for component in (Consumer, Subscriber, Service):
        with pytest.raises(ConfigurationError, match=f"The provider of {component.__name__} must"):
            component(thing)
    with pytest.raises(ConfigurationError, match="The provider of inject must"):
        inject(provider=thing)


def test_a_provider_that_is_false_is_used() -> None:
    """A provider counts as given, whatever its truth value."""

    class Empty(Provider):
        def __bool__(self) -> bool:
            return False

    provider = override(Empty())

    @inject(provider)
    def tell(where: str = Depends(branch)) -> str:
        return where

    assert provider is Service(provider).provider
    assert "harbour" == tell()


async def test_depends_takes_the_callable_by_keyword() -> None:
    """The keyword is the original's, or ours."""
    service = Service()

    @service.handler
    async def tell(
        one: str = Depends(callable=branch), two: str = Depends(dependency=branch)
    ) -> str:
        return f"{one}, {two}"

    assert "main branch, main branch" == await service.execute("tell")


def test_a_declaration_can_be_read() -> None:
    """It is a Dependency, whose callable has both names."""
    for declared in (Depends(branch), Dependency(branch), Dependency(callable=branch)):
        assert isinstance(declared, Dependency)
        assert branch is declared.callable is declared.dependency


@pytest.mark.parametrize("declare", [Depends, Dependency])
def test_a_declaration_has_one_callable(declare: Any) -> None:
    """Two callables, and a callable that is none, are refused."""
    with pytest.raises(ConfigurationError, match="cannot both be the dependency"):
        declare(branch, callable=branch)
    with pytest.raises(ConfigurationError, match="it is not callable"):
        declare(callable=None)


async def test_execute_takes_the_action_by_keyword() -> None:
    """It belongs to execute if nothing is passed by position, and to the function otherwise."""
    service = Service()

    @service.handler
    async def repeat(times: int = 1, action: str = "again") -> str:
        return " ".join([action] * times)

    assert "again again" == await service.execute(action="repeat", times=2)
    assert "more" == await service.execute("repeat", action="more")
    with pytest.raises(UnknownActionError):
        await service.execute(3, action="repeat")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="name of an action"):
        await service.execute(times=2)  # type: ignore[call-overload]


async def test_the_handlers_of_a_service_can_be_read() -> None:
    """They are found by action, and fill their dependencies."""
    service = Service()

    @service.handler
    async def tell_branch(where: str = Depends(branch)) -> str:
        return where

    assert {"tell-branch": tell_branch} == service.handlers
    assert "main branch" == await service.handlers["tell-branch"]()


async def test_the_handlers_of_a_subscriber_can_be_read() -> None:
    """They are found by topic, in the order of registration."""
    subscriber = Subscriber()

    @subscriber.subscribe("one", "two")
    async def first(message: str, where: str = Depends(branch)) -> None:
        """Hear a message."""

    @subscriber.subscribe("two")
    async def second(message: str) -> None:
        """Hear a message."""

    assert {"one": [first], "two": [first, second]} == subscriber.handlers


async def test_the_handlers_of_a_consumer_can_be_read() -> None:
    """They are found by the name of the class, in the order of registration."""
    consumer = Consumer()

    @consumer.handler
    async def first(event: BookLent | int, where: str = Depends(branch)) -> None:
        """Hear an event."""

    @consumer.handler
    async def second(event: BookLent) -> None:
        """Hear an event."""

    assert {"book-lent": [first, second], "int": [first]} == consumer.handlers


def test_handlers_are_for_reading() -> None:
    """A handler that is written there would never be called, so writing fails."""
    components: list[Any] = [Consumer(), Subscriber(), Service()]
    for component in components:
        with pytest.raises(TypeError):
            component.handlers["key"] = []
        with pytest.raises(AttributeError):
            component.handlers = {}


async def test_register_returns_the_handler() -> None:
    """It fills its dependencies, as a decorated one does."""

    async def tell(event: BookLent, where: str = Depends(branch)) -> str:
        return where

    assert "main branch" == await Consumer().register(BookLent, tell)(BookLent("1"))

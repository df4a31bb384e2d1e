"""Overriding dependencies, and undoing overrides."""

from __future__ import annotations

import pytest

from messagebus import (
    Depends,
    ParameterError,
)
from messagebus.depends import Provider, inject
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber
from tests.dependencies import MAKERS, Log, Maker, chain


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("other", MAKERS)
async def test_a_dependency_can_be_overridden_by_another_kind(maker: Maker, other: Maker) -> None:
    """The dependencies of the implementation are resolved."""
    service = Service()
    replaced, replacing = chain(maker, 2), chain(other, 3)

    @service.handler
    async def act(value: str = Depends(replaced.last)) -> str:
        return value

    assert "21" == await act()
    with service.override(replaced.last, replacing.last):
        assert "321" == await act()
    with service.override(replaced.declared[0], replacing.last):
        assert "2321" == await act()
    assert "21" == await act()


def one() -> str:
    """Return a value."""
    return "one"


@pytest.fixture
def service() -> Service:
    """Return a service whose action returns the value of a nested dependency."""
    service = Service()

    def nested(value: str = Depends(one)) -> str:
        return value

    @service.handler
    async def tell(value: str = Depends(nested)) -> str:
        return value

    return service


async def test_an_override_stays_unless_it_is_used_as_a_context_manager(service: Service) -> None:
    """Without a with block it is permanent."""
    service.override(one, lambda: "two")

    assert "two" == await service.execute("tell")


async def test_an_override_is_undone_when_the_body_raises(service: Service) -> None:
    """The kind of error does not matter."""
    with pytest.raises(KeyboardInterrupt), service.override(one, lambda: "two"):
        assert "two" == await service.execute("tell")
        raise KeyboardInterrupt

    assert "one" == await service.execute("tell")


async def test_overrides_nest(service: Service) -> None:
    """The inner override applies until it is undone, then the outer one again."""
    service.override(one, lambda: "stays")
    with service.override(one, lambda: "outer"):
        with service.override(one, lambda: "inner"):
            assert "inner" == await service.execute("tell")
        assert "outer" == await service.execute("tell")
    assert "stays" == await service.execute("tell")


async def test_overrides_are_undone_in_any_order(service: Service) -> None:
    """The latest override that is not undone applies."""
    first = service.override(one, lambda: "first")
    second = service.override(one, lambda: "second")

    first.undo()
    assert "second" == await service.execute("tell")
    second.undo()
    assert "one" == await service.execute("tell")
    second.undo()
    assert "one" == await service.execute("tell")
    first.apply()
    assert "first" == await service.execute("tell")


async def test_an_override_knows_its_dependency(service: Service) -> None:
    """The context manager yields itself."""

    def two() -> str:
        return "two"

    with service.override(one, two) as override:
        assert (one, two) == (override.dependency, override.implementation)


async def test_overrides_are_a_mutable_mapping(service: Service) -> None:
    """It works like dependency_overrides of FastAPI."""
    overrides = service.dependency_overrides

    overrides[one] = lambda: "two"
    assert "two" == await service.execute("tell")
    assert [one] == list(overrides)
    assert 1 == len(overrides)
    assert "two" == overrides[one]()
    del overrides[one]
    assert "one" == await service.execute("tell")
    overrides[one] = lambda: "three"
    overrides.clear()
    assert "one" == await service.execute("tell")
    assert "{}" == repr(overrides)
    with pytest.raises(KeyError):
        del overrides[one]
    with pytest.raises(KeyError):
        overrides[one]


async def test_setting_an_override_ends_those_before(service: Service) -> None:
    """Undoing an earlier one then has no effect."""
    with service.override(one, lambda: "outer"):
        service.dependency_overrides[one] = lambda: "set"
    assert "set" == await service.execute("tell")


async def test_a_provider_shares_overrides() -> None:
    """Components and injected functions with the provider see them."""
    provider = Provider()
    service, consumer = Service(provider=provider), Consumer(provider=provider)
    subscriber = Subscriber(provider=provider)
    log: Log = []

    @service.handler
    async def tell(value: str = Depends(one)) -> None:
        log.append(f"service {value}")

    @consumer.handler
    async def consume(event: str, value: str = Depends(one)) -> None:
        log.append(f"consumer {value}")

    @subscriber.subscribe("topic")
    async def receive(message: str, value: str = Depends(one)) -> None:
        log.append(f"subscriber {value}")

    @inject(provider=provider)
    async def function(value: str = Depends(one)) -> None:
        log.append(f"function {value}")

    with consumer.override(one, lambda: "two"):
        await service.execute("tell")
        await consumer.consume("event")
        await subscriber.receive("message", "topic")
        await function()

    assert ["service two", "consumer two", "subscriber two", "function two"] == log


async def test_components_without_a_common_provider_share_nothing(service: Service) -> None:
    """Each component has overrides of its own."""
    other = Service()
    other.override(one, lambda: "two")

    assert "one" == await service.execute("tell")


async def test_an_override_applies_to_later_handlers(service: Service) -> None:
    """Overriding and registering may come in any order."""
    service.override(one, lambda: "two")

    @service.handler
    async def later(value: str = Depends(one)) -> str:
        return value

    assert "two" == await service.execute("later")


async def test_a_wrong_declaration_is_an_error_even_if_it_is_overridden(service: Service) -> None:
    """Undoing the override would expose it."""

    def wrong(url: str) -> str:
        return url

    service.override(wrong, one)

    with pytest.raises(ParameterError):

        @service.handler
        async def later(value: str = Depends(wrong)) -> str:
            return value


async def test_an_implementation_is_not_overridden_itself(service: Service) -> None:
    """The implementation is called as it is, once."""

    def two() -> str:
        return "two"

    service.override(one, two)
    service.override(two, lambda: "three")

    assert "two" == await service.execute("tell")


async def test_two_dependencies_with_one_implementation_share_its_value() -> None:
    """Reuse depends on the callable that is called."""
    service = Service()

    def left() -> object: ...

    def right() -> object: ...

    @service.handler
    async def same(one: object = Depends(left), two: object = Depends(right)) -> bool:
        return one is two

    service.override(left, object)
    service.override(right, object)

    assert await service.execute("same")


async def test_unhashable_dependencies_can_be_overridden() -> None:
    """Instances of dataclasses are told apart by identity."""

    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self) -> str:
            return "one"

    service, first, second = Service(), Unhashable(), Unhashable()

    @service.handler
    async def tell(one: str = Depends(first), two: str = Depends(second)) -> str:
        return f"{one} {two}"

    with service.override(second, one):
        assert [second] == list(service.dependency_overrides)
        service.override(first, lambda: "two")
    assert "two one" == await tell()

"""What fills the parameters of handlers: kinds of dependencies, reuse, overrides."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest

from messagebus import (
    ConfigurationError,
    DependencyCycleError,
    Depends,
    GeneratorDependencyError,
    ParameterError,
)
from messagebus.depends import Provider, inject
from messagebus.facade._async.consumer import Consumer
from messagebus.facade._async.service import Service
from messagebus.facade._async.subscriber import Subscriber
from tests.dependencies import ENDS_OF_GENERATORS, MAKERS, Log, Maker, chain


async def value_of(dependency: Any, service: Service | None = None) -> Any:
    """Return what a handler gets that depends on something."""

    @inject(provider=None if service is None else service.provider)
    async def handle(value: Any = Depends(dependency)) -> Any:
        return value

    return await handle()


# Kinds


@pytest.mark.parametrize("maker", MAKERS)
async def test_every_kind_of_dependency_gives_its_value(maker: Maker) -> None:
    """Plain ones and those to wait for, functions, classes, objects and generators."""
    assert "321" == await value_of(chain(maker, 3).last)


@pytest.mark.parametrize("maker", MAKERS)
async def test_every_kind_may_be_decorated_or_partial(maker: Maker) -> None:
    """What counts is what is called in the end."""
    dependency = chain(maker, 2).last

    def passing_on(*args: Any, **kwargs: Any) -> Any:
        return dependency(*args, **kwargs)

    functools.update_wrapper(passing_on, dependency, updated=())

    assert "21" == await value_of(functools.partial(dependency))
    assert "21" == await value_of(passing_on)


async def test_methods_of_every_kind_are_dependencies() -> None:
    """Bound methods, class methods, static methods, asynchronous ones, generators."""

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
    """A callable whose signature can not be read is called without arguments."""
    assert dependency is type(await value_of(dependency))


async def test_a_generator_that_is_only_a_value_is_not_opened() -> None:
    """A function that returns a generator, or a context manager, gives just that."""

    def numbers() -> Iterator[int]:
        return (number for number in [1, 2, 3])

    @contextmanager
    def managed() -> Iterator[int]:
        yield 1

    assert [1, 2, 3] == list(await value_of(numbers))
    with await value_of(managed) as value:
        assert 1 == value


async def test_a_declaration_can_stand_in_the_annotation() -> None:
    """Annotated works in handlers and dependencies; the parameter may have no default."""

    def one() -> int:
        return 1

    def two(one: Annotated[int, "extra", Depends(one)]) -> int:
        return one + 1

    @inject
    async def handle(three: int, two: Annotated[int, Depends(two)]) -> int:
        return three + two

    assert 5 == await handle(3)  # type: ignore[call-arg]


async def test_a_declaration_in_the_annotation_may_have_a_default_beside_it() -> None:
    """The default is for those who call the function without its dependencies."""

    async def handle(one: Annotated[int, Depends(lambda: 1)] = 0) -> int:
        return one

    assert 0 == await handle()
    assert 1 == await inject(handle)()


async def test_a_declaration_without_a_callable_calls_the_annotation() -> None:
    """The class that annotates the parameter is the dependency."""

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
    """There is nothing to call."""
    with pytest.raises(ParameterError, match="its annotation, which can not be called"):

        @inject
        async def handle(value=Depends()) -> None:  # type: ignore[no-untyped-def]
            ...


async def test_parameters_are_filled_by_position_and_by_name() -> None:
    """Wherever they stand in the signature of a dependency."""

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


# Reuse


async def test_a_dependency_is_called_once_in_a_call() -> None:
    """Wherever it is used, at any depth; the next call calls it again."""
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
    """Without cache it is called where it is used; those beside it still share."""
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


# Generators that misbehave


async def test_a_generator_can_not_swallow_a_failure() -> None:
    """Whoever called has to know; the generators below see the failure, too."""
    log: Log = []

    async def below() -> AsyncIterator[str]:
        try:
            yield "below"
        except ValueError as error:
            log.append(f"below saw {error}")
            raise

    async def swallowing(below: str = Depends(below)) -> AsyncIterator[str]:
        try:
            yield "value"
        except ValueError as error:
            log.append(f"swallowed {error}")

    @inject
    async def handle(value: str = Depends(swallowing)) -> str:
        raise ValueError("failure")

    with pytest.raises(ValueError, match="failure"):
        await handle()

    assert ["swallowed failure", "below saw failure"] == log


async def test_a_generator_can_replace_a_failure() -> None:
    """The first is seen as the context of the second, even if it was raised outside."""

    async def replacing() -> AsyncIterator[str]:
        failed = False
        try:
            yield "value"
        except ValueError:
            failed = True
        if failed:
            raise LookupError("second")

    async def chaining() -> AsyncIterator[str]:
        try:
            yield "value"
        except ValueError as error:
            raise LookupError("second") from error

    for dependency in (replacing, chaining):

        @inject
        async def handle(value: str = Depends(dependency)) -> str:
            raise ValueError("first")

        with pytest.raises(LookupError, match="second") as raised:
            await handle()

        assert isinstance(raised.value.__context__, ValueError)
        assert raised.value.__context__.__context__ is None


async def test_a_generator_that_never_yields_is_an_error() -> None:
    """What was opened before is closed."""
    log: Log = []

    async def below() -> AsyncIterator[str]:
        try:
            yield "below"
        except GeneratorDependencyError:
            log.append("below saw it")
            raise

    async def empty(below: str = Depends(below)) -> AsyncIterator[str]:
        if below == "never":
            yield below

    with pytest.raises(GeneratorDependencyError, match=r"empty ended without yielding"):
        await value_of(empty)

    assert ["below saw it"] == log


@pytest.mark.parametrize("fails", [False, True])
async def test_a_generator_that_yields_twice_is_an_error(fails: bool) -> None:
    """It is closed where it stands, and a failure before is still to be seen."""
    log: Log = []

    async def twice() -> AsyncIterator[str]:
        try:
            try:
                yield "first"
            except ValueError:
                log.append("saw it")
            yield "second"
        finally:
            log.append("closed")

    @inject
    async def handle(value: str = Depends(twice)) -> None:
        if fails:
            raise ValueError("failure")

    with pytest.raises(GeneratorDependencyError, match=r"twice yielded more than once") as raised:
        await handle()

    assert (["saw it"] if fails else []) + ["closed"] == log
    assert fails == isinstance(raised.value.__context__, ValueError)


async def test_a_generator_that_can_not_be_closed_shows_that() -> None:
    """One that yields twice, and fails when it is closed: its last error arrives."""

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield "first"
            yield "second"
        finally:
            raise LookupError("can not close")

    with pytest.raises(LookupError, match="can not close"):
        await value_of(stubborn)


@pytest.mark.parametrize("error", ENDS_OF_GENERATORS)
async def test_failures_that_mean_something_to_generators_arrive(error: BaseException) -> None:
    """What ends loops and generators is a failure like any other, in both kinds of generators."""
    log: Log = []

    def plain() -> Iterator[str]:
        try:
            yield "plain"
        finally:
            log.append("plain")

    async def waiting(plain: str = Depends(plain)) -> AsyncIterator[str]:
        try:
            yield "waiting"
        finally:
            log.append("waiting")

    @inject
    async def handle(value: str = Depends(waiting)) -> None:
        raise error

    with pytest.raises((type(error), RuntimeError)):
        await handle()

    assert ["waiting", "plain"] == log


# Mistakes


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
    assert f"The dependencies need each other: {' -> '.join(names)}" == str(raised.value)


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
    with pytest.raises(ConfigurationError, match="can be called"):
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

    with pytest.raises(ConfigurationError, match=r"long is to outlive .*short"):

        @inject
        async def wrong(value: str = Depends(long, scope="handle")) -> None: ...

    @inject
    async def right(value: str = Depends(adaptable, scope="handle")) -> str:
        return value

    assert "short" == await right()


async def test_a_generator_function_can_not_have_its_parameters_filled() -> None:
    """What fills them would be closed before its body runs."""

    def generator(value: str = Depends(str)) -> Iterator[str]:
        yield value

    with pytest.raises(ConfigurationError, match="generator function"):
        inject(generator)


# Overrides


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("other", MAKERS)
async def test_a_dependency_can_be_overridden_by_another_kind(maker: Maker, other: Maker) -> None:
    """Whatever is called instead, its own dependencies are filled."""
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
    """Give a value."""
    return "one"


@pytest.fixture
def service() -> Service:
    """Return a service whose action tells a value that it depends on, two deep."""
    service = Service()

    def nested(value: str = Depends(one)) -> str:
        return value

    @service.handler
    async def tell(value: str = Depends(nested)) -> str:
        return value

    return service


async def test_an_override_stays_unless_it_is_used_as_a_context_manager(service: Service) -> None:
    """Without with there is no end to it."""
    service.override(one, lambda: "two")

    assert "two" == await service.execute("tell")


async def test_an_override_is_undone_when_the_body_raises(service: Service) -> None:
    """Whatever is raised."""
    with pytest.raises(KeyboardInterrupt), service.override(one, lambda: "two"):
        assert "two" == await service.execute("tell")
        raise KeyboardInterrupt

    assert "one" == await service.execute("tell")


async def test_overrides_nest(service: Service) -> None:
    """The inner holds until it is undone, then the outer again."""
    service.override(one, lambda: "stays")
    with service.override(one, lambda: "outer"):
        with service.override(one, lambda: "inner"):
            assert "inner" == await service.execute("tell")
        assert "outer" == await service.execute("tell")
    assert "stays" == await service.execute("tell")


async def test_overrides_are_undone_in_any_order(service: Service) -> None:
    """The youngest that is not undone holds."""
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


async def test_an_override_knows_what_it_replaces(service: Service) -> None:
    """The context manager gives itself."""

    def two() -> str:
        return "two"

    with service.override(one, two) as override:
        assert (one, two) == (override.dependency, override.implementation)


async def test_overrides_are_a_mapping_that_can_be_changed(service: Service) -> None:
    """As users of FastAPI know it; nothing else has to be told."""
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
    """Undoing one of these changes nothing then."""
    with service.override(one, lambda: "outer"):
        service.dependency_overrides[one] = lambda: "set"
    assert "set" == await service.execute("tell")


async def test_a_provider_shares_overrides() -> None:
    """All components it is given to see them, and functions with inject."""
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
    """Each has overrides of its own."""
    other = Service()
    other.override(one, lambda: "two")

    assert "one" == await service.execute("tell")


async def test_an_override_holds_for_what_is_registered_later(service: Service) -> None:
    """The order of overriding and registering does not matter."""
    service.override(one, lambda: "two")

    @service.handler
    async def later(value: str = Depends(one)) -> str:
        return value

    assert "two" == await service.execute("later")


async def test_a_wrong_declaration_is_an_error_even_if_it_is_overridden(service: Service) -> None:
    """It would show when the override is undone."""

    def wrong(url: str) -> str:
        return url

    service.override(wrong, one)

    with pytest.raises(ParameterError):

        @service.handler
        async def later(value: str = Depends(wrong)) -> str:
            return value


async def test_an_implementation_is_not_overridden_itself(service: Service) -> None:
    """What replaces something is called as it is, once."""

    def two() -> str:
        return "two"

    service.override(one, two)
    service.override(two, lambda: "three")

    assert "two" == await service.execute("tell")


async def test_two_dependencies_with_one_implementation_share_its_value() -> None:
    """What is called is what is reused."""
    service = Service()

    def left() -> object: ...

    def right() -> object: ...

    @service.handler
    async def same(one: object = Depends(left), two: object = Depends(right)) -> bool:
        return one is two

    service.override(left, object)
    service.override(right, object)

    assert await service.execute("same")


async def test_dependencies_that_can_not_be_hashed_are_overridden() -> None:
    """Such as objects of dataclasses: each object counts for itself."""

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

"""Providers and declarations of dependencies, apart from the calls that they are for."""

from __future__ import annotations

import gc
import importlib.resources
import threading
import traceback
import weakref
from typing import Any

import pytest

from messagebus import AnnotationError, Consumer, Depends, Service, Subscriber
from messagebus.depends import Dependency, Override, Provider, inject
from tests.dependencies import Log


def one() -> str:
    """Give a value."""
    return "one"


def two() -> str:
    """Give another value."""
    return "two"


def test_what_declares_a_dependency_can_be_looked_at() -> None:
    """Depends gives a Dependency, which shows what it was made of."""
    declared: Any = Depends(one, use_cache=False, scope="handle")

    assert isinstance(declared, Dependency)
    assert (one, False, "handle") == (declared.dependency, declared.use_cache, declared.scope)
    assert "Depends(one)" == repr(declared)


def test_a_provider_overrides_without_a_component() -> None:
    """Components that are made later see it."""
    provider = Provider()
    override = provider.override(one, two)

    assert isinstance(override, Override)
    assert {one: two} == dict(provider.dependency_overrides)
    assert two is provider.dependency_overrides[one]


def test_overrides_see_names_that_are_local_to_who_overrides() -> None:
    """The annotations of an implementation are resolved where it is registered."""
    service = Service()

    class Local:
        value = "local"

    def three(local: Local = Depends()) -> str:
        return local.value

    @service.handler
    def tell(value: str = Depends(one)) -> str:
        return value

    assert isinstance(three.__annotations__["local"], str)
    with service.override(one, three):
        assert "local" == tell()
    service.dependency_overrides[one] = three
    assert "local" == tell()


def test_an_implementation_with_an_unknown_annotation_is_refused() -> None:
    """Where it has to be known what fills the parameter."""

    def wrong(value: Unknown) -> str:  # type: ignore[name-defined]  # noqa: F821
        return str(value)

    with pytest.raises(AnnotationError, match="'Unknown' of the parameter 'value'"):
        Service().override(one, wrong)


def test_an_unknown_annotation_that_is_not_needed_does_no_harm() -> None:
    """That of a parameter that the caller gives, or that has a default, or of the result."""
    service = Service()

    @service.handler
    def tell(
        given: Unknown,  # type: ignore[name-defined]  # noqa: F821
        value: str = Depends(one),
        other: Unknown = 3,  # type: ignore[name-defined]  # noqa: F821
    ) -> Unknown:  # type: ignore[name-defined]  # noqa: F821
        return given, value, other

    assert (1, "one", 3) == tell(1)


def test_a_provider_keeps_nothing_alive() -> None:
    """A component that nobody needs any more is forgotten, with its handlers."""
    provider = Provider()

    def use() -> list[weakref.ref[Any]]:
        service = Service(provider=provider)

        @service.handler
        def tell(value: str = Depends(one)) -> str:
            return value

        provider.override(one, two)
        assert "two" == tell()
        return [weakref.ref(service), weakref.ref(tell)]

    gone = use()
    gc.collect()

    assert [None, None] == [each() for each in gone]
    provider.override(one, two)


def test_a_failed_call_leaves_no_cycle_behind() -> None:
    """What a handler held is freed when the error has been dealt with."""

    class Resource: ...

    def resource() -> Any:
        try:
            yield made
        except ValueError:
            raise LookupError from None

    @inject
    def act(value: Any = Depends(resource)) -> None:
        raise ValueError

    gc.disable()
    try:
        made: Any = Resource()
        gone = weakref.ref(made)
        with pytest.raises(LookupError):
            act()
        made = None
        assert gone() is None
    finally:
        gc.enable()


def test_a_failed_delivery_leaves_no_cycle_behind() -> None:
    """The failures of several handlers do not keep each other alive."""

    class Event: ...

    consumer = Consumer()

    @consumer.handler
    def fail(event: Event) -> None:
        raise ValueError

    @consumer.handler
    def fail_too(event: Event) -> None:
        raise LookupError

    gc.disable()
    try:
        event: Any = Event()
        gone = weakref.ref(event)
        with pytest.raises(ExceptionGroup):
            consumer.consume(event)
        event = None
        assert gone() is None
    finally:
        gc.enable()


def test_a_traceback_shows_the_way_to_the_dependency() -> None:
    """The code that calls dependencies is there to be read."""

    def failing() -> str:
        raise ValueError("no")

    @inject
    def act(value: str = Depends(failing)) -> None: ...

    with pytest.raises(ValueError, match="no") as raised:
        act()

    shown = "".join(traceback.format_exception(raised.value))
    assert "call with dependencies" in shown
    assert "v0 = f0()" in shown


def test_many_generators_can_be_open_at_once() -> None:
    """There is no limit to what a call may need."""
    closed: Log = []

    def opening(number: int) -> Any:
        def generator() -> Any:
            yield number
            closed.append(str(number))

        return generator

    def declared(numbers: range) -> Any:
        def dependency(**values: int) -> int:
            return sum(values.values())

        return dependency

    numbers = range(100)
    source = ", ".join(f"n{number}=Depends(opening({number}))" for number in numbers)
    namespace: dict[str, Any] = {"Depends": Depends, "opening": opening}
    exec(f"def total({source}): return sum(locals().values())", namespace)  # noqa: S102
    total = inject(namespace["total"])

    assert sum(numbers) == total()
    assert [str(number) for number in reversed(numbers)] == closed


def test_subscribers_see_local_names_too() -> None:
    """As consumers and services do, for handlers and for their dependencies."""
    subscriber = Subscriber()
    log: Log = []

    class Message: ...

    def named(message: Message) -> str:
        return type(message).__name__

    @subscriber.subscribe("topic")
    def handle(message: Message, name: str = Depends(named)) -> None:
        log.append(name)

    subscriber.receive(Message(), "topic")

    assert ["Message"] == log


def test_a_coroutine_function_is_no_handler_of_a_plain_component() -> None:
    """Nobody could wait for it; the error says what to use."""
    from messagebus import ConfigurationError

    async def handle(event: str) -> None: ...

    for register in (
        lambda: Consumer().handler(handle),
        lambda: Subscriber().register("topic", handle),
        lambda: Service().handler(handle),
    ):
        with pytest.raises(ConfigurationError, match="is a coroutine function") as raised:
            register()
        assert "messagebus.asyncio" in raised.value.__notes__[0]


def test_methods_can_have_their_parameters_filled() -> None:
    """What is bound to an object or a class stays so."""

    class Shop:
        name = "shop"

        @inject
        def method(self, given: int, value: str = Depends(one)) -> tuple[str, int, str]:
            return self.name, given, value

        @classmethod
        @inject
        def made(cls, value: str = Depends(one)) -> tuple[str, str]:
            return cls.name, value

        @staticmethod
        @inject
        def free(value: str = Depends(one)) -> str:
            return value

    assert ("shop", 1, "one") == Shop().method(1)
    assert ("shop", 1, "two") == Shop().method(1, value="two")
    assert ("shop", "one") == Shop.made()
    assert "one" == Shop.free()


def test_overrides_change_while_calls_run_in_other_threads() -> None:
    """Each call gets what held at some moment of it, and the last change holds in the end."""
    service = Service()
    seen: set[str] = set()
    done = threading.Event()

    @service.handler
    def tell(
        value: str = Depends(one), again: str = Depends(lambda value=Depends(one): value)
    ) -> str:
        return f"{value} {again}"

    def call() -> None:
        while not done.is_set():
            seen.add(tell())

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        with service.override(one, two):
            assert "two two" == tell()
        assert "one one" == tell()
    done.set()
    for thread in threads:
        thread.join()

    assert seen <= {"one one", "two two"}


def test_the_package_is_typed() -> None:
    """Type checkers read its annotations."""
    assert (importlib.resources.files("messagebus") / "py.typed").is_file()

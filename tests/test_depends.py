"""Declarations of dependencies, and providers of overrides."""

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
    """Return a value."""
    return "one"


def two() -> str:
    """Return another value."""
    return "two"


def test_a_declaration_can_be_inspected() -> None:
    """Depends returns a Dependency, which shows its arguments."""
    declared: Any = Depends(one, use_cache=False, scope="handle")

    assert isinstance(declared, Dependency)
    assert (one, False, "handle") == (declared.dependency, declared.use_cache, declared.scope)
    assert "Depends(one)" == repr(declared)


def test_a_provider_overrides_without_a_component() -> None:
    """Components that are created later see the override."""
    provider = Provider()
    override = provider.override(one, two)

    assert isinstance(override, Override)
    assert {one: two} == dict(provider.dependency_overrides)
    assert two is provider.dependency_overrides[one]


def test_an_override_sees_the_local_names_of_its_caller() -> None:
    """The annotations of an implementation are resolved where the override is set."""
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
    """The annotation is needed to know what fills the parameter."""

    def wrong(value: Unknown) -> str:  # type: ignore[name-defined]  # noqa: F821
        return str(value)

    with pytest.raises(AnnotationError, match="'Unknown' of the parameter 'value'"):
        Service().override(one, wrong)


def test_an_unknown_annotation_may_be_irrelevant() -> None:
    """That of a result is, or of a parameter that only the caller can fill."""
    service = Service()

    @service.handler
    def tell(
        given: Unknown,  # type: ignore[name-defined]  # noqa: F821
        value: str = Depends(one),
        other: Unknown = Depends(two),  # type: ignore[name-defined]  # noqa: F821
        *rest: Unknown,  # type: ignore[name-defined]  # noqa: F821
    ) -> Unknown:  # type: ignore[name-defined]  # noqa: F821
        return given, value, other, rest

    assert (1, "one", "two", ()) == tell(1)


def test_a_provider_keeps_nothing_alive() -> None:
    """A component without other references is freed, with its handlers."""
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
    """The handler's objects are freed once its error has been handled."""

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
    """The errors of several handlers do not keep each other alive."""

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


def test_a_traceback_leads_through_the_generated_code() -> None:
    """The source of the code that calls dependencies is in the traceback."""

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
    """The number of a call's generators is not limited."""
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
    """They resolve annotations of handlers and dependencies like consumers and services."""
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
    """Nothing could await it; the error names the async component."""
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


def test_methods_can_have_their_parameters_injected() -> None:
    """Bound methods and class methods stay bound."""

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
    """Each call sees an override that was set while it ran, and the last change remains."""
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
    """The package ships a py.typed marker."""
    assert (importlib.resources.files("messagebus") / "py.typed").is_file()

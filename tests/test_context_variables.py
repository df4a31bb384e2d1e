"""Context variables and event loops around async dependencies of sync code."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator

import pytest

from messagebus import Consumer, Depends, Service, inject

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")


async def current_tenant() -> str:
    """Return the tenant of the caller."""
    return tenant.get()


async def enter_tenant() -> str:
    """Set the tenant."""
    tenant.set("acme")
    return "acme"


async def within_tenant() -> AsyncIterator[str]:
    """Set the tenant until the handler is done."""
    token = tenant.set("acme")
    yield "acme"
    tenant.reset(token)


@pytest.fixture(autouse=True)
def own_context() -> Iterator[None]:
    """Leave no tenant behind."""
    token = tenant.set("nobody")
    yield
    tenant.reset(token)


def test_an_async_dependency_sees_the_context_of_the_call() -> None:
    """The private loop outlives a call inside of another one; its context must not."""
    service = Service()

    @service.handler
    def inner(name: str = Depends(current_tenant)) -> str:
        return name

    @service.handler
    def outer(name: str = Depends(current_tenant)) -> tuple[str, str]:
        tenant.set("globex")
        return name, service.execute("inner")

    tenant.set("acme")
    assert ("acme", "globex") == service.execute("outer")


def test_what_an_async_dependency_sets_reaches_the_handler() -> None:
    """As if the dependency were plain."""
    seen = []
    consumer = Consumer()

    @consumer.handler
    def handle(event: str, name: str = Depends(enter_tenant)) -> None:
        seen.append((name, tenant.get()))

    consumer.consume("event")
    assert [("acme", "acme")] == seen


def test_an_async_generator_resets_what_it_has_set() -> None:
    """All of it runs in one context, so that its token is valid; the caller sees the reset."""

    @inject
    def call(name: str = Depends(within_tenant)) -> tuple[str, str]:
        return name, tenant.get()

    assert ("acme", "acme") == call()
    assert "nobody" == tenant.get()


def test_a_variable_that_was_not_set_before_is_not_set_after() -> None:
    """The next call must not inherit a tenant."""

    @inject
    def call(name: str = Depends(within_tenant)) -> str:
        return tenant.get()

    def run() -> str | None:
        assert "acme" == call()
        return tenant.get(None)

    assert contextvars.Context().run(run) is None


def test_what_the_handler_sets_stays_set() -> None:
    """An async generator that is closed after the handler does not undo it."""
    other: contextvars.ContextVar[int] = contextvars.ContextVar("other", default=0)
    seen = []

    async def watching() -> AsyncIterator[None]:
        yield
        seen.append(other.get())

    @inject
    def call(_: None = Depends(watching)) -> None:
        other.set(1)

    call()
    assert ([1], 1) == (seen, other.get())


def test_the_event_loop_of_the_thread_is_kept() -> None:
    """A loop that the application has set for the thread stays set."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:

        @inject
        def call(name: str = Depends(current_tenant)) -> str:
            return name

        call()
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_what_the_handler_resets_is_not_set_again() -> None:
    """An async generator brings back only what it has changed itself."""
    other: contextvars.ContextVar[str] = contextvars.ContextVar("other")
    token = other.set("acme")

    async def watching() -> AsyncIterator[None]:
        yield

    @inject
    def call(_: None = Depends(watching)) -> None:
        other.reset(token)

    call()
    assert other.get("nobody") == "nobody"

"""Generators that misbehave as dependencies."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from messagebus import (
    Depends,
    GeneratorDependencyError,
)
from messagebus.depends import inject
from messagebus.facade._async.service import Service
from tests.dependencies import ENDS_OF_GENERATORS, Log


async def value_of(dependency: Any, service: Service | None = None) -> Any:
    """Return the value that a handler gets for a dependency."""

    @inject(provider=None if service is None else service.provider)
    async def handle(value: Any = Depends(dependency)) -> Any:
        return value

    return await handle()


async def test_a_generator_cannot_swallow_a_failure() -> None:
    """The caller and the other generators see the failure."""
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
    """The first failure is the context of the second, even if it was raised outside."""

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
    """Open dependencies are closed."""
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


async def test_a_decorated_generator_that_never_yields_is_an_error() -> None:
    """The rules hold for decorated generators too."""
    log: Log = []

    async def empty() -> AsyncIterator[str]:
        if log:
            yield "value"

    @functools.wraps(empty)
    def decorated() -> Any:
        return empty()

    with pytest.raises(GeneratorDependencyError, match="ended without yielding"):
        await value_of(decorated)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_generator_that_yields_twice_is_an_error(fails: bool) -> None:
    """It is closed at its second yield, and an earlier failure stays visible."""
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


async def test_a_generator_that_cannot_be_closed_shows_that() -> None:
    """If it yields twice and fails while being closed, its last error is raised."""

    async def stubborn() -> AsyncIterator[str]:
        try:
            yield "first"
            yield "second"
        finally:
            raise LookupError("cannot close")

    with pytest.raises(LookupError, match="cannot close"):
        await value_of(stubborn)


@pytest.mark.parametrize("error", ENDS_OF_GENERATORS)
async def test_errors_with_a_meaning_for_generators_are_raised(error: BaseException) -> None:
    """StopIteration and its like are failures like any other."""
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

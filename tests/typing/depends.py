"""The types of dependencies. A line that mypy must refuse names the error.

To a type checker, Depends has the type that the callable returns, so that a default is checked
against the annotation of its parameter.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import IO, Annotated, Any, TextIO, assert_type

from messagebus import Depends
from messagebus.depends import Override, Provider, inject


class Session:
    """The value of most dependencies."""


class Numbers:
    """A class of iterators."""

    def __iter__(self) -> Numbers:
        """Return itself."""
        return self

    def __next__(self) -> int:
        """Return a number."""
        return 1


class Factory:
    """A class of callable objects."""

    def __call__(self) -> Session:
        """Return a session."""
        return Session()

    async def later(self) -> Session:
        """Return a session."""
        return Session()


def function() -> Session:
    """Return a session."""
    return Session()


async def coroutine_function() -> Session:
    """Return a session."""
    return Session()


def generator() -> Generator[Session, None, None]:
    """Return a session."""
    yield Session()


def iterator() -> Iterator[Session]:
    """Return a session."""
    yield Session()


async def async_generator() -> AsyncGenerator[Session, None]:
    """Return a session."""
    yield Session()


async def async_iterator() -> AsyncIterator[Session]:
    """Return a session."""
    yield Session()


def file() -> TextIO:
    """Return a file, which is an iterator but not a generator."""
    raise NotImplementedError


def numbers() -> list[int]:
    """Return a list, which is not an iterator."""
    return [1]


def untyped() -> Any:
    """Return an untyped value."""


assert_type(Depends(function), Session)
assert_type(Depends(coroutine_function), Session)
assert_type(Depends(generator), Session)
assert_type(Depends(iterator), Session)
assert_type(Depends(async_generator), Session)
assert_type(Depends(async_iterator), Session)
assert_type(Depends(Session), Session)
assert_type(Depends(Factory()), Session)
assert_type(Depends(Factory().later), Session)
assert_type(Depends(functools.partial(function)), Session)
assert_type(Depends(lambda: Session()), Session)
assert_type(Depends(Numbers), Numbers)
assert_type(Depends(file), TextIO)
assert_type(Depends(numbers), list[int])
assert_type(Depends(untyped), Any)
assert_type(Depends(), Any)
assert_type(Depends(function, use_cache=False, scope="handle"), Session)


def right(
    one: Session = Depends(function),
    two: Session = Depends(coroutine_function),
    three: Session = Depends(generator),
    four: Session | None = Depends(async_iterator),
    five: Session = Depends(Session),
    six: object = Depends(function),
    seven: Annotated[Session, Depends(function)] = Depends(function),
    eight: IO[str] = Depends(file),
) -> None:
    """Take parameters of the types of their dependencies, or of wider ones."""


def wrong(
    one: int = Depends(function),  # type: ignore[assignment]
    two: int = Depends(coroutine_function),  # type: ignore[assignment]
    three: int = Depends(generator),  # type: ignore[assignment]
    four: int = Depends(async_iterator),  # type: ignore[assignment]
    five: int = Depends(Session),  # type: ignore[assignment]
    six: str = Depends(numbers),  # type: ignore[assignment]
    seven: Session = Depends(file),  # type: ignore[assignment]
    eight: int = Depends(3),  # type: ignore[call-overload]
    nine: Session = Depends(function, scope="request"),  # type: ignore[call-overload]
) -> None:
    """Take parameters of other types than their dependencies."""


@inject
def plain(number: int, session: Session = Depends(generator)) -> str:
    """Take a number."""
    return f"{number} {session}"


@inject(Provider())
def given(number: int, session: Session = Depends(callable=generator)) -> str:
    """Take a number."""
    return f"{number} {session}"


@inject(provider=Provider())
async def waiting(number: int, session: Session = Depends(async_iterator)) -> str:
    """Take a number."""
    return f"{number} {session}"


async def calls() -> None:
    """Call functions with dependencies; their signatures are unchanged."""
    assert_type(plain(1), str)
    assert_type(plain(1, Session()), str)
    assert_type(given(1), str)
    given("1")  # type: ignore[arg-type]
    assert_type(await waiting(1), str)
    plain("1")  # type: ignore[arg-type]
    plain()  # type: ignore[call-arg]
    plain(1, session=2)  # type: ignore[arg-type]
    await waiting("1")  # type: ignore[arg-type]
    await plain(1)  # type: ignore[misc]


def overrides(provider: Provider) -> None:
    """Override a dependency by another kind of callable."""
    assert_type(provider.override(function, generator), Override)
    with provider.override(Session, async_generator) as override:
        assert_type(override, Override)
    provider.override(function, 3)  # type: ignore[arg-type]
    provider.dependency_overrides[function] = generator
    provider.dependency_overrides[function] = 3  # type: ignore[assignment]

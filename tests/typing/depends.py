"""What a type checker knows of dependencies. A line that has to be refused says so with its error.

To a type checker, Depends has the type of what the callable gives, so what declares a parameter
is checked against its annotation.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import IO, Annotated, Any, TextIO, assert_type

from messagebus import Depends
from messagebus.depends import Override, Provider, inject


class Session:
    """What most of the dependencies give."""


class Numbers:
    """A class of iterators."""

    def __iter__(self) -> Numbers:
        """Give itself."""
        return self

    def __next__(self) -> int:
        """Give a number."""
        return 1


class Factory:
    """An object of it can be called."""

    def __call__(self) -> Session:
        """Give a session."""
        return Session()

    async def later(self) -> Session:
        """Give a session."""
        return Session()


def function() -> Session:
    """Give a session."""
    return Session()


async def coroutine_function() -> Session:
    """Give a session."""
    return Session()


def generator() -> Generator[Session, None, None]:
    """Give a session."""
    yield Session()


def iterator() -> Iterator[Session]:
    """Give a session."""
    yield Session()


async def async_generator() -> AsyncGenerator[Session, None]:
    """Give a session."""
    yield Session()


async def async_iterator() -> AsyncIterator[Session]:
    """Give a session."""
    yield Session()


def file() -> TextIO:
    """Give a file, which is an iterator as well, but not a generator."""
    raise NotImplementedError


def numbers() -> list[int]:
    """Give a list, which is no iterator."""
    return [1]


def untyped() -> Any:
    """Give anything."""


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
    """Have parameters of the types of their dependencies, or of wider ones."""


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
    """Have parameters of other types than their dependencies."""


@inject
def plain(number: int, session: Session = Depends(generator)) -> str:
    """Be called with a number."""
    return f"{number} {session}"


@inject(provider=Provider())
async def waiting(number: int, session: Session = Depends(async_iterator)) -> str:
    """Be called with a number."""
    return f"{number} {session}"


async def calls() -> None:
    """Call what has dependencies: the signatures are those of the functions."""
    assert_type(plain(1), str)
    assert_type(plain(1, Session()), str)
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
